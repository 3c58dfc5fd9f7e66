"""One order book, served through several published order APIs."""

__version__ = "0.1.0"
