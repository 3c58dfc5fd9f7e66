"""The wire of group orders: uploads as forms, group orders from elsewhere as JSON, and what is answered."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

from orderwire.book.errors import FieldInvalid, FieldMissing, GroupOrderNotFound
from orderwire.book.groups import NewGroupOrder
from orderwire.book.jobs import ACCEPT_VALID, POLICIES, Job
from orderwire.book.orders import GroupOrder, Rejection
from orderwire.web.errors import ContentTypeWrong
from orderwire.web.json import decode_json
from orderwire.web.multipart import FilePart, Form
from orderwire.web.request import Request

from .wire_pages import parse_parameters
from .wire_strict import convert, strict

MAX_MAP_BYTES = 262_144
MAX_WORD_BYTES = 255
DEFAULT_LIMIT, MAX_LIMIT = 50, 100
DEFAULT_REJECTIONS, MAX_REJECTIONS = 100, 1_000
# How large each part of the form may be, in bytes; None for the file itself.
PARTS: dict[str, int | None] = {
    "file": None,
    "map": MAX_MAP_BYTES,
    "policy": MAX_WORD_BYTES,
    "name": MAX_WORD_BYTES,
}
FORMATS = {
    "csv": "csv",
    "xlsx": "xlsx",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "text/csv": "csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
}
MEDIA_TYPES = {
    "csv": b"text/csv",
    "xlsx": b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FILES = tuple(f"{kind}.{suffix}" for kind in ("normalised", "accepted", "rejected") for suffix in MEDIA_TYPES)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NUMBER = re.compile(r"[0-9]{1,10}")

Uuid = Annotated[str, Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", max_length=36)]

_encode = msgspec.json.Encoder().encode


class GroupOrderBody(NewGroupOrder, frozen=True, kw_only=True):
    """A group order as it is handed in when it came from elsewhere."""

    id: Uuid


STRICT_GROUP_ORDER = strict(GroupOrderBody)


class Upload(NamedTuple):
    """A file to import: `name` is what the client calls it, `format` is csv, xlsx or jsonl."""

    file: FilePart
    name: str
    format: str
    policy: str
    map: str | None


class Page(NamedTuple):
    """What a list asks for: so many, from after the one with this key ("" for the first page)."""

    limit: int
    after: str


class ImportObject(Struct, frozen=True, kw_only=True):
    """How far the import behind a group order came; `size` and `read` are bytes."""

    name: str
    format: str
    policy: str
    size: int
    read: int
    rows: int
    orders: int
    placed: int
    already_there: int
    rejected: int
    accepted_rows: int
    rejected_rows: int
    codes: dict[str, int]
    changed_at: datetime


class ErrorObject(Struct, frozen=True, kw_only=True):
    """Why an import failed, or why it was interrupted last."""

    code: str
    detail: str


class GroupOrderObject(Struct, frozen=True, kw_only=True):
    """A group order as every answer shows it.

    `state` is waiting, running, done, failed or cancelled; `import` is null for one that came from
    elsewhere. `files` are paths by the name of the file, `orders` and `rejections` paths of lists.
    """

    id: str
    organisation: str
    state: str
    total: int
    accepted: int
    rejected: int
    created_at: datetime
    user_id: int | None
    job_id: str | None
    normalised_path: str | None
    accepted_path: str | None
    rejected_path: str | None
    import_: ImportObject | None = msgspec.field(name="import")
    error: ErrorObject | None
    files: dict[str, str]
    orders: str
    rejections: str


class GroupOrderList(Struct, frozen=True, kw_only=True):
    """A page of group orders, newest first; `next` is the path of the following page."""

    group_orders: list[GroupOrderObject]
    next: str | None


class RejectionList(Struct, frozen=True, kw_only=True):
    """What was not taken of a group order, by line; `next` is the path of the following page."""

    rejections: Sequence[Rejection]
    next: str | None


def accept_part(name: str) -> int | None:
    """How large a part of the form may be; None for a file. Raises FieldInvalid for an unknown one."""
    if name not in PARTS:
        raise FieldInvalid(name[:100], "no such part")
    return PARTS[name]


def parse_upload(form: Form) -> Upload:
    """The file to import. Raises FieldMissing or FieldInvalid."""
    file = form.files.get("file")
    if file is None:
        raise FieldMissing("file")
    if not file.size:
        raise FieldInvalid("file", "is empty")
    found = FORMATS.get(file.filename.rpartition(".")[2].lower()) or FORMATS.get(file.media_type)
    if found is None:
        raise FieldInvalid("file", "must be CSV, XLSX or JSON Lines, by its name or its type")
    policy = form.texts.get("policy") or ACCEPT_VALID
    if policy not in POLICIES:
        raise FieldInvalid("policy", f"must be one of {', '.join(sorted(POLICIES))}")
    read_as = form.texts.get("map") or None
    if read_as is None and found != "jsonl":
        raise FieldMissing("map")
    name = form.texts.get("name") or file.filename.replace("\\", "/").rpartition("/")[2] or f"file.{found}"
    if "\0" in name:
        raise FieldInvalid("name", "holds a NUL character")
    return Upload(file, name[:MAX_WORD_BYTES], found, policy, read_as)


def digest_of(given: Upload, rights: str) -> str:
    """What is the same (SHA-256, hex) for the very same upload from a caller with the same rights."""
    with given.file.path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").digest()
    said = (given.name, given.format, given.policy, given.map, rights, content.hex())
    return hashlib.sha256(_encode(said)).hexdigest()


def parse_group_order(request: Request) -> NewGroupOrder:
    """A group order from elsewhere. Raises ContentTypeWrong, BodyMalformed, FieldMissing or FieldInvalid."""
    if request.media_type != "application/json":
        raise ContentTypeWrong("the body must be application/json or multipart/form-data")
    return convert(decode_json(request.body), STRICT_GROUP_ORDER)


def parse_id(text: str) -> str:
    """A group order's id. Raises GroupOrderNotFound for what can't be one."""
    lower = text.lower()
    if not _UUID.fullmatch(lower):
        raise GroupOrderNotFound(text)
    return lower


def parse_group_page(request: Request) -> Page:
    """The parameters of the list of group orders; `after` is an id. Raises FieldInvalid."""
    page = _parse_page(request, DEFAULT_LIMIT, MAX_LIMIT)
    if page.after and not _UUID.fullmatch(page.after):
        raise FieldInvalid("after", "must be the id of a group order")
    return page


def parse_rejection_page(request: Request) -> Page:
    """The parameters of a list of rejections; `after` is a line. Raises FieldInvalid."""
    page = _parse_page(request, DEFAULT_REJECTIONS, MAX_REJECTIONS)
    if page.after and not _NUMBER.fullmatch(page.after):
        raise FieldInvalid("after", "must be a line number")
    return page


def render_group_order(group: GroupOrder, organisation: str) -> bytes:
    """A group order as every answer shows it."""
    return _encode(_shown(group, organisation))


def render_group_orders(groups: Sequence[GroupOrder], organisation: str, following: str | None) -> bytes:
    """A page of group orders."""
    return _encode(
        GroupOrderList(group_orders=[_shown(group, organisation) for group in groups], next=following)
    )


def render_rejections(rejections: Sequence[Rejection], following: str | None) -> bytes:
    """A page of rejections."""
    return _encode(RejectionList(rejections=rejections, next=following))


def files_at(group_order_id: str) -> str:
    """What the paths of a group order's files begin with."""
    return f"/v1/group-orders/{group_order_id}/files"


def _shown(group: GroupOrder, organisation: str) -> GroupOrderObject:
    job, path = group.job, f"/v1/group-orders/{group.id}"
    state = job.state if job is not None else "done" if group.is_complete else "running"
    error = None
    if job is not None and job.progress.error_code is not None:
        error = ErrorObject(code=job.progress.error_code, detail=job.progress.error or "")
    return GroupOrderObject(
        id=group.id,
        organisation=organisation,
        state=state,
        total=group.total,
        accepted=group.accepted,
        rejected=group.rejected,
        created_at=group.created_at,
        user_id=group.user_id,
        job_id=group.job_id,
        normalised_path=group.normalised_path,
        accepted_path=group.accepted_path,
        rejected_path=group.rejected_path,
        import_=None if job is None else _import(job),
        error=error,
        files=_files(group),
        orders=f"/v1/orders?group_order_id={group.id}",
        rejections=f"{path}/rejections",
    )


def _import(job: Job) -> ImportObject:
    asked, came = job.request, job.progress
    return ImportObject(
        name=asked.name,
        format=asked.format,
        policy=asked.policy,
        size=came.size,
        read=came.read,
        rows=came.rows,
        orders=came.orders,
        placed=came.placed,
        already_there=came.already_there,
        rejected=came.rejected,
        accepted_rows=came.accepted_rows,
        rejected_rows=came.rejected_rows,
        codes=came.codes,
        changed_at=job.changed_at,
    )


def _files(group: GroupOrder) -> dict[str, str]:
    """The files that an import of ours has left: where one form of a report is, there is the other."""
    if group.job is None:
        return {}
    paths = (group.normalised_path, group.accepted_path, group.rejected_path)
    there = {path.rpartition("/")[2].partition(".")[0] for path in paths if path is not None}
    return {name: f"{files_at(group.id)}/{name}" for name in FILES if name.partition(".")[0] in there}


def _parse_page(request: Request, default: int, most: int) -> Page:
    given = parse_parameters(request, ("limit", "after"))
    limit = given.get("limit", str(default))
    if not _NUMBER.fullmatch(limit) or not 1 <= int(limit) <= most:
        raise FieldInvalid("limit", f"must be from 1 to {most}")
    return Page(int(limit), given.get("after", ""))
