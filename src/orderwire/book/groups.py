"""The verbs of group orders: written down as they were elsewhere, or imported here from a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from .callers import READ, WRITE, Caller
from .errors import FieldInvalid, NotAllowed
from .jobs import WAITING, Job, JobProgress, JobRequest
from .operations import check_may_write
from .orders import GroupOrder, Name, Rejection, Text
from .queries import get_group_order
from .store import Book, Transaction
from .values import check_instant, check_text

MAX_REJECTIONS = 10_000
MAX_ROWS = 2**31 - 1
# What an import of an uploaded file may do; whoever uploaded it had the right to write then.
IMPORT_RIGHTS = frozenset({READ, WRITE})

MAX_GROUP_ID_LENGTH = 36
MAX_USER_ID = 2**53 - 1
Count = Annotated[int, Meta(ge=0, le=MAX_ROWS)]


class NewGroupOrder(Struct, frozen=True, kw_only=True):
    """A group order that came from elsewhere. `total` rows were uploaded, of which `rejections` were
    not taken; its members are orders that name it."""

    id: Annotated[str, Meta(min_length=1, max_length=MAX_GROUP_ID_LENGTH)]
    total: Count
    rejections: Annotated[tuple[Rejection, ...], Meta(max_length=MAX_REJECTIONS)] = ()
    normalised_path: Text | None = None
    accepted_path: Text | None = None
    rejected_path: Text | None = None
    job_id: Name | None = None
    user_id: Annotated[int, Meta(ge=1, le=MAX_USER_ID)] | None = None
    created_at: datetime | None = None


_encode_new = msgspec.json.Encoder().encode
_decode_new = msgspec.json.Decoder(NewGroupOrder).decode


async def record_group_order(book: Book, caller: Caller, new: NewGroupOrder) -> GroupOrder:
    """Write down a group order with its own id.

    Raises NotAllowed, FieldInvalid, or AlreadyExists when there is one with this id.
    """
    check_may_write(caller)
    check_instant("created_at", new.created_at)
    for name in ("id", "normalised_path", "accepted_path", "rejected_path", "job_id"):
        check_text(name, getattr(new, name) or "")
    _check_rejections(new)
    try:
        # Every limit of its type; it may have been made without any.
        _decode_new(_encode_new(new))
    except msgspec.ValidationError as error:
        raise FieldInvalid("group_order", str(error)) from error
    if new.user_id is not None and (
        await book.store.fetch_person(caller.organisation_id, new.user_id) is None
    ):
        raise FieldInvalid("user_id", "no such user")
    group = GroupOrder(
        id=new.id,
        organisation_id=caller.organisation_id,
        user_id=new.user_id if new.user_id is not None else _person_id(caller),
        total=new.total,
        accepted=0,
        rejected=len(new.rejections),
        normalised_path=new.normalised_path,
        accepted_path=new.accepted_path,
        rejected_path=new.rejected_path,
        job_id=new.job_id,
        created_at=new.created_at or book.clock(),
    )

    async def work(tx: Transaction) -> GroupOrder:
        await tx.insert_group_order(group, new.rejections)
        return group

    return await book.store.write(work)


async def place_group_order(
    book: Book, caller: Caller, group_order_id: str, request: JobRequest, size: int
) -> GroupOrder:
    """Take an uploaded file of `size` bytes as a group order whose orders an import will place.

    The file lies at the desk already. Raises NotAllowed.
    """
    check_may_write(caller)
    now = book.clock()
    job = Job(
        organisation_id=caller.organisation_id,
        group_order_id=group_order_id,
        state=WAITING,
        request=request,
        progress=JobProgress(size=size),
        created_at=now,
        changed_at=now,
    )
    group = GroupOrder(
        id=group_order_id,
        organisation_id=caller.organisation_id,
        user_id=_person_id(caller),
        total=0,
        accepted=0,
        rejected=0,
        normalised_path=None,
        accepted_path=None,
        rejected_path=None,
        job_id=None,
        created_at=now,
        job=job,
    )

    async def work(tx: Transaction) -> GroupOrder:
        await tx.insert_group_order(group, ())
        await tx.insert_job(job)
        return group

    return await book.store.write(work)


async def cancel_group_order(book: Book, caller: Caller, group: GroupOrder) -> GroupOrder:
    """End the import behind a group order; what it has placed stays. One that has ended stays as it is.

    Raises NotAllowed or GroupOrderNotFound.
    """
    check_may_write(caller)
    now = book.clock()
    await book.store.write(lambda tx: tx.cancel_job(group.organisation_id, group.id, now))
    return await get_group_order(book, caller, group.id)


async def list_group_orders(
    book: Book, caller: Caller, before: tuple[datetime, str], limit: int
) -> Sequence[GroupOrder]:
    """Group orders from newest to oldest, from before (created_at, id) on. Raises NotAllowed."""
    if READ not in caller.rights:
        raise NotAllowed(READ, identified=caller.is_identified)
    return await book.store.list_group_orders(caller.organisation_id, *before, limit)


async def list_rejections(
    book: Book, caller: Caller, group: GroupOrder, after: int, limit: int
) -> Sequence[Rejection]:
    """What was not taken of a group order, by line, from after `after`."""
    return await book.store.list_rejections(caller.organisation_id, group.id, after, limit)


def request_of(
    caller: Caller, *, name: str, file_format: str, policy: str, has_map: bool, files_at: str
) -> JobRequest:
    """What this caller asks of an import."""
    origin = caller.origin
    return JobRequest(
        name=name,
        format=file_format,
        policy=policy,
        has_map=has_map,
        files_at=files_at,
        organisation=caller.organisation.name,
        contract=origin.contract,
        caller=origin.caller,
        user_id=_person_id(caller),
        application=origin.application,
        request_id=origin.request_id,
    )


async def caller_of(book: Book, job: Job) -> Caller | None:
    """Whoever asked for an import, with the rights that it needs; None if it is gone."""
    request = job.request
    organisation = await book.store.fetch_organisation(request.organisation)
    if organisation is None or organisation.id != job.organisation_id:
        return None
    person = application = None
    if request.user_id is not None:
        person = await book.store.fetch_person(organisation.id, request.user_id)
    if request.application is not None:
        application = await book.store.fetch_application(organisation.id, request.application)
    return Caller(
        organisation=organisation,
        contract=request.contract,
        rights=IMPORT_RIGHTS,
        person=person,
        application=application,
        request_id=request.request_id,
    )


def _person_id(caller: Caller) -> int | None:
    return None if caller.person is None else caller.person.id


def _check_rejections(new: NewGroupOrder) -> None:
    lines = set()
    for at, rejection in enumerate(new.rejections):
        for name in ("column", "code", "value"):
            check_text(f"rejections[{at}].{name}", getattr(rejection, name))
        if rejection.line in lines:
            raise FieldInvalid(f"rejections[{at}].line", "given twice")
        lines.add(rejection.line)
    if len(lines) > new.total:
        raise FieldInvalid("rejections", "more than the total")
