"""Where a running service is reached, as it is printed."""

from __future__ import annotations

from orderwire.settings import Settings

# Where "every address" is listened on, this is one of them.
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared, not bound


def base_url(settings: Settings) -> str:
    """Scheme, host and port."""
    host = _ANY.get(settings["host"], settings["host"])
    return f"http://{f'[{host}]' if ':' in host else host}:{settings['port']}"
