"""The limits on what a request may bring. Each is a setting, documented with the others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, counts, and times in seconds."""

    body_bytes: int = 1_048_576
    url_bytes: int = 8_192
    header_bytes: int = 32_768
    # The HTTP server itself refuses more than 100, in no contract's form.
    header_count: int = 64
    request_seconds: float = 30.0
    upload_bytes: int = 67_108_864
    transfer_seconds: float = 600.0
