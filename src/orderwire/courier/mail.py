"""Mailboxes: a folder of files for a machine without a mail server, and SMTP."""

from __future__ import annotations

import asyncio
import os
import secrets
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

import aiosmtplib
import structlog

from orderwire.book.errors import MailFailed
from orderwire.book.notices import is_address
from orderwire.book.store import Clock, Mail

log = structlog.get_logger("orderwire.courier")


def failed(reason: str) -> MailFailed:
    """The fact that a mail could not be handed over, told to the operator, too (never to whom it went)."""
    log.warning("mail failed", reason=reason)
    return MailFailed(reason)


def compose(mail: Mail, sender: str, clock: Clock) -> EmailMessage:
    """The mail as an Internet message (RFC 5322). Raises MailFailed for an address that can't be one."""
    if not is_address(mail.to):
        raise MailFailed("not a mail address")
    message = EmailMessage()
    try:
        message["From"] = sender
        message["To"] = mail.to
        message["Subject"] = mail.subject
    except (ValueError, IndexError) as error:
        # The library's own parser fails with either on what it can't read.
        raise MailFailed("not an address or a subject that a mail can have") from error
    message["Date"] = format_datetime(clock())
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or "localhost")
    message.set_content(mail.text)
    return message


@dataclass(frozen=True, slots=True)
class FileMailbox:
    """Writes each mail as one `.eml` file, whole or not at all; only its owner may read it."""

    folder: Path
    sender: str
    clock: Clock

    async def send(self, mail: Mail) -> None:
        """Raises MailFailed when the file can't be written."""
        message = compose(mail, self.sender, self.clock)
        try:
            await asyncio.to_thread(self._write, bytes(message))
        except OSError as error:
            raise failed(f"the mail folder can't be written: {error.strerror}") from error

    def _write(self, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{self.clock():%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        partial = self.folder / f".{name}.partial"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self.folder / f"{name}.eml")
        except OSError:
            partial.unlink(missing_ok=True)
            raise


@dataclass(frozen=True, slots=True)
class SmtpMailbox:
    """Hands each mail to an SMTP server; `timeout_seconds` bounds the whole exchange."""

    host: str
    port: int
    sender: str
    clock: Clock
    starttls: bool = True
    username: str = ""
    password: str = field(default="", repr=False)
    timeout_seconds: float = 10.0

    async def send(self, mail: Mail) -> None:
        """Raises MailFailed when the server refuses the mail or can't be reached in time."""
        message = compose(mail, self.sender, self.clock)
        try:
            async with asyncio.timeout(self.timeout_seconds):
                await aiosmtplib.send(
                    message,
                    hostname=self.host,
                    port=self.port,
                    username=self.username or None,
                    password=self.password or None,
                    start_tls=self.starttls,
                    timeout=self.timeout_seconds,
                )
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise failed(f"the mail server did not take the mail: {type(error).__name__}") from error
