"""Reads the tables of a map key by key; a key that nobody asked for is an error with the nearest name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import Any
from zoneinfo import ZoneInfo

MAX_PATTERN_LENGTH = 1_000


class MapError(Exception):
    """A map that can't be used: the message says where and why."""


class Table:
    """One table of the map. Every `take_` uses up a key; `close` refuses what is left."""

    def __init__(self, content: object, where: str) -> None:
        if not isinstance(content, dict):
            raise MapError(f"{where}: must be a table")
        self._left: dict[str, Any] = dict(content)
        self._asked: list[str] = []
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._left

    @property
    def keys(self) -> list[str]:
        """The keys that are not used up."""
        return list(self._left)

    def take(self, key: str) -> Any:
        """The value of a key, or None."""
        self._asked.append(key)
        return self._left.pop(key, None)

    def take_text(self, key: str, default: str | None = None) -> str | None:
        """A text that is not empty."""
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, str) or not value or "\0" in value:
            raise MapError(f"{self.where}: {key} must be a text that is not empty")
        return value

    def need_text(self, key: str) -> str:
        """A text that must be there."""
        value = self.take_text(key)
        if value is None:
            raise MapError(f"{self.where}: {key} is missing")
        return value

    def take_word(self, key: str, words: Collection[str], default: str) -> str:
        """One of a few words."""
        value = self.take_text(key) or default
        if value not in words:
            shown = ", ".join(repr(word) for word in sorted(words))
            raise MapError(f"{self.where}: {key} must be one of {shown}")
        return value

    def take_texts(self, key: str) -> tuple[str, ...]:
        """A text, or a list of them; empty when it is not there."""
        value = self.take(key)
        if value is None:
            return ()
        texts = value if isinstance(value, list) else [value]
        if not texts or not all(isinstance(one, str) and "\0" not in one for one in texts):
            raise MapError(f"{self.where}: {key} must be a text or a list of texts")
        return tuple(texts)

    def take_pattern(self, key: str) -> re.Pattern[str] | None:
        """A regular expression that a whole value must match."""
        text = self.take_text(key)
        if text is None:
            return None
        try:
            if len(text) > MAX_PATTERN_LENGTH:
                raise MapError(f"{self.where}: {key} is longer than {MAX_PATTERN_LENGTH} characters")
            return re.compile(text)
        except re.error as error:
            raise MapError(f"{self.where}: {key} is no regular expression: {error}") from error

    def take_zone(self, key: str) -> ZoneInfo | None:
        """An IANA time zone."""
        name = self.take_text(key)
        if name is None:
            return None
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise MapError(f"{self.where}: {key} = {name!r} is no time zone such as Europe/London") from error

    def take_table(self, key: str) -> Table | None:
        """A table, or None."""
        value = self.take(key)
        return None if value is None else Table(value, f"{self.where}.{key}" if self.where else f"[{key}]")

    def take_tables(self, key: str) -> list[Table]:
        """A list of tables (`[[key]]`); empty when it is not there."""
        value = self.take(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise MapError(f"{key}: must be written [[{key}]]")
        return [Table(one, f"[[{key}]] {number}") for number, one in enumerate(value, start=1)]

    def close(self) -> None:
        """Raises MapError for a key that nobody asked for."""
        for key in self._left:
            close = difflib.get_close_matches(key, self._asked, n=1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise MapError(f"{self.where or 'the map'}: unknown key {key!r}{hint}")
