"""Answers that are kept, so that a request which is sent again gets its first answer again."""

from __future__ import annotations

from msgspec import Struct


class Answer(Struct, frozen=True, kw_only=True):
    """An answer as a client gets it: status, header fields and body (UTF-8 text)."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class KeptAnswer(Struct, frozen=True, kw_only=True):
    """An answer that was given, its body sealed, and the SHA-256 digest (hex) of its request."""

    request_digest: str
    answer: Answer
