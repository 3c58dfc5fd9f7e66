"""From the text of a setting to its value; each reader raises ValueError with what it wants.

Besides, what an option must have to become a setting.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, Protocol

KEY_BYTES = 32
# What stands between the user's name and the hosts of a URL, or in a parameter.
_PASSWORD = re.compile(r"(?<=://)([^:@/]*):[^@/]*(?=@)")
_PASSWORD_PARAMETER = re.compile(r"([?&]password=)[^&]*")


class OptionLike(Protocol):
    """What a contract's option has."""

    @property
    def name(self) -> str: ...
    @property
    def default(self) -> Any: ...
    @property
    def help(self) -> str: ...
    @property
    def read(self) -> Callable[[str], Any]: ...


def read_flag(text: str) -> bool:
    """`true` or `false` (also yes/no, on/off, 1/0)."""
    word = text.strip().lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ValueError("must be true or false")


def whole(least: int, most: int) -> Callable[[str], int]:
    """A reader of whole numbers in a range."""

    def read(text: str) -> int:
        digits = text.strip().replace("_", "")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            raise ValueError(f"must be a whole number from {least} to {most}")
        if not least <= int(digits) <= most:
            raise ValueError(f"must be from {least} to {most}")
        return int(digits)

    return read


def seconds(least: float, most: float) -> Callable[[str], float]:
    """A reader of seconds, fractions allowed, in a range."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not least <= value <= most:
            raise ValueError(f"must be a number of seconds from {least} to {most}")
        return value

    return read


def one_of(*words: str) -> Callable[[str], str]:
    """A reader of one of a few words."""

    def read(text: str) -> str:
        word = text.strip().lower()
        if word not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return word

    return read


def read_database(text: str) -> str:
    """A path, or a URL `sqlite:///path` or `postgresql://...`; given back as the URL."""
    form = "must be a path, sqlite:///path or postgresql://user:password@host:port/database"
    given = text.strip()
    scheme, mark, rest = given.partition("://")
    if mark and scheme in ("postgresql", "postgres"):
        if not rest or rest.startswith("/") or any(mark < "!" for mark in rest):
            raise ValueError(form)
        return given
    if not mark:
        path = scheme
    elif scheme == "sqlite" and rest.startswith("/"):
        path = rest[1:]
    else:
        raise ValueError(form)
    if not path or path.endswith("/") or ":memory:" in path or "\0" in path:
        raise ValueError(form)
    return f"sqlite:///{path}"


def list_tuple(value: Any) -> Any:
    """The value as JSON has it."""
    return list(value) if isinstance(value, tuple) else value


def hide_password(url: str) -> str:
    """A URL without the password in it."""
    return _PASSWORD_PARAMETER.sub(r"\1***", _PASSWORD.sub(r"\1:***", url))


def read_list(text: str) -> tuple[str, ...]:
    """A comma list; blanks round its items and empty items are dropped."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def read_keys(text: str) -> tuple[str, ...]:
    """A comma list of keys, each base64 of 32 bytes."""
    keys = read_list(text)
    for key in keys:
        try:
            right = len(base64.b64decode(key, validate=True)) == KEY_BYTES
        except (binascii.Error, ValueError):
            right = False
        if not right:
            raise ValueError(f"must be a comma list of keys, each base64 of {KEY_BYTES} bytes")
    return keys


def read_hosts(text: str) -> dict[str, str]:
    """A comma list of `host` or `host=organisation`, as a mapping of host to organisation ("" for none)."""
    hosts = {}
    for item in read_list(text):
        host, _, organisation = (part.strip() for part in item.partition("="))
        if not host or "/" in host or " " in host:
            raise ValueError("must be a comma list of host or host=organisation")
        hosts[host.lower()] = organisation
    return hosts
