"""`orderwire`, also as `python -m orderwire`."""

from __future__ import annotations

from orderwire import cli


def main() -> None:
    """The command line."""
    cli.main(prog_name="orderwire")


if __name__ == "__main__":
    main()
