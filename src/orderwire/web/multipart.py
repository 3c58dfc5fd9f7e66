"""Forms with files (multipart/form-data, RFC 7578), read as they arrive: files go to the disk."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from .errors import BodyMalformed, BodyTooLarge, ContentTypeWrong

T = TypeVar("T")

MEDIA_TYPE = "multipart/form-data"
MAX_PARTS = 16
MAX_PART_HEADERS = 8
MAX_PART_HEADER_BYTES = 4_096
# So much is gathered before a thread parses and writes it: a switch of threads costs more than a small piece.
WRITE_BYTES = 262_144

# What a client sends wrong is answered, not logged.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())
logging.getLogger("python_multipart").propagate = False

# Says of a part's name how large it may be as a text, in bytes, or None for a file; may raise anything.
Accept = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file as it was sent: where it lies now, and what the client calls it ("" if it does not say)."""

    path: Path
    filename: str
    media_type: str
    size: int


@dataclass(slots=True)
class Form:
    """The parts of a form by name: the texts, and the files."""

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, FilePart] = field(default_factory=dict)


async def read_form(
    chunks: AsyncIterator[bytes],
    content_type: str,
    folder: Path,
    accept: Accept,
    *,
    max_parts: int = MAX_PARTS,
) -> Form:
    """The form that the chunks hold; a file goes to `folder`, under its part's name, readable by us only.

    Raises ContentTypeWrong without a boundary, BodyMalformed for what is no such form, BodyTooLarge for a
    text beyond its limit, OSError when a file can't be written, and what `chunks` and `accept` raise.
    What was written so far stays.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind.decode("latin-1") != MEDIA_TYPE:
        raise ContentTypeWrong
    if not boundary:
        raise ContentTypeWrong(f"{MEDIA_TYPE} without a boundary")
    reading = _Reading(boundary, folder, accept, max_parts)
    try:
        gathered: list[bytes] = []
        size = 0
        async for chunk in chunks:
            gathered.append(chunk)
            size += len(chunk)
            if size >= WRITE_BYTES:
                await _in_thread(reading.take, b"".join(gathered))
                gathered, size = [], 0
        await _in_thread(reading.take, b"".join(gathered))
    finally:
        reading.close()
    if not reading.is_complete:
        raise BodyMalformed("a form without an end")
    return reading.form


async def _in_thread(work: Callable[[bytes], T], data: bytes) -> T:
    """Run `work` in a thread; cancelled, it is waited for: nothing is written behind our back."""
    running = asyncio.ensure_future(asyncio.to_thread(work, data))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if not running.cancelled():
            # Seen: nobody asks for it any more.
            running.exception()
        raise


class _Reading:
    """One form being read. Used by one thread at a time."""

    def __init__(self, boundary: bytes, folder: Path, accept: Accept, max_parts: int) -> None:
        self._folder = folder
        self._accept = accept
        self._max_parts = max_parts
        self._count = 0
        self._label = self._value = b""
        self._headers: dict[str, str] = {}
        self._name = self._filename = ""
        self._limit: int | None = None
        self._text = bytearray()
        self._file: BinaryIO | None = None
        self.form = Form()
        self.is_complete = False
        calls: Any = {
            "on_part_begin": self._begin,
            "on_header_begin": self._begin_header,
            "on_header_field": self._add_label,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._add,
            "on_part_end": self._close_part,
            "on_end": self._end,
        }
        try:
            self._parser = MultipartParser(
                boundary,
                calls,
                max_header_count=MAX_PART_HEADERS,
                max_header_size=MAX_PART_HEADER_BYTES,
            )
        except FormParserError as error:
            raise ContentTypeWrong(f"{MEDIA_TYPE} with a boundary that can't be one") from error

    def take(self, data: bytes) -> None:
        """Read on. Raises BodyMalformed, BodyTooLarge, OSError, or what `accept` raises."""
        if not data:
            return
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise BodyMalformed("no form that can be read") from error

    def close(self) -> None:
        """Let go of a file that is not complete."""
        if self._file is not None:
            self._file.close()

    def _begin(self) -> None:
        self._count += 1
        if self._count > self._max_parts:
            raise BodyMalformed(f"a form of more than {self._max_parts} parts")
        self._headers = {}

    def _begin_header(self) -> None:
        self._label = self._value = b""

    def _add_label(self, data: bytes, start: int, end: int) -> None:
        self._label += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers.setdefault(self._label.decode("latin-1").lower(), self._value.decode("latin-1"))

    def _open(self) -> None:
        kind, options = parse_options_header(self._headers.get("content-disposition"))
        if kind != b"form-data" or b"name" not in options:
            raise BodyMalformed("a form with a part that has no name")
        self._name = _text(options[b"name"])
        self._limit = self._accept(self._name)
        if self._name in self.form.texts or self._name in self.form.files:
            raise BodyMalformed(f"a form with the part {self._name} twice")
        self._text = bytearray()
        if self._limit is None:
            self._filename = _text(options.get(b"filename", b""))
            path = self._folder / self._name
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def _add(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])
            return
        self._text += data[start:end]
        if self._limit is not None and len(self._text) > self._limit:
            raise BodyTooLarge(self._limit, f"part {self._name}")

    def _close_part(self) -> None:
        if self._file is None:
            self.form.texts[self._name] = _text(bytes(self._text))
            return
        # Durable before anybody is told that it was taken.
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        self._file = None
        media_type = self._headers.get("content-type", "").partition(";")[0].strip().lower()
        self.form.files[self._name] = FilePart(self._folder / self._name, self._filename, media_type, size)

    def _end(self) -> None:
        self.is_complete = True


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BodyMalformed("a form with a text that is not UTF-8") from error
