"""Notices: mails that a stage owes to somebody, sent before the stage counts as told."""

from __future__ import annotations

from .callers import Caller
from .errors import MailFailed
from .operations import append_stage, settle_notice
from .orders import Order
from .stages import NewStage, Stage, Status
from .store import Book, Mail


async def append_stage_with_notice(
    book: Book, caller: Caller, order: Order, request: NewStage, mail: Mail, repeat_key: str
) -> tuple[Stage, Status | None]:
    """Append a stage and hand over its notice. `repeat_key` is the same for the very same request.

    Raises MailFailed when the mail has no usable address or could not be handed over: the stage
    stays, and the same request again adds none and tries the mail again. Raises what `append_stage`
    raises, too. A mail may go out twice if the process ends right after it was handed over.
    """
    stage, status = await append_stage(book, caller, order, request, repeat_key=repeat_key)
    if not is_address(mail.to):
        raise MailFailed("no address that a notice can be sent to")
    await book.mailbox.send(mail)
    await settle_notice(book, order, repeat_key)
    return stage, status


def is_address(text: str) -> bool:
    """True if the text can stand as one mail address in a header: one @, nothing blank or unprintable."""
    local, at, domain = text.partition("@")
    clean = text.isprintable() and not any(mark in text for mark in ' ,;:<>()"')
    return bool(local and at and domain) and "@" not in domain and clean
