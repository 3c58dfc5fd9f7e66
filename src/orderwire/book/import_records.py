"""What an import of a file keeps of itself, and the orders it places together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from .orders import Order, Rejection
from .stages import Origin, Stage, Status


class ImportRecord(Struct, frozen=True, kw_only=True):
    """How far an import came that has not ended. `key` is unique in the organisation, `progress` the
    importer's own JSON.

    `epoch` counts who has taken the import over: whoever is not the last to do so changes nothing.
    """

    organisation_id: int
    key: str
    progress: str
    epoch: int
    created_at: datetime
    changed_at: datetime


class Placement(Struct, frozen=True, kw_only=True, gc=False):
    """An order seen to be sound, and all that is written when it is placed."""

    order: Order
    encoded: bytes
    stages: tuple[Stage, ...]
    status: Status | None


class Step(Struct, frozen=True, kw_only=True):
    """What one transaction of an import settles.

    `placements` are the orders to place, `rejections` what was not taken of the group order
    `group_order_id`.
    """

    placements: Sequence[Placement] = ()
    group_order_id: str | None = None
    rejections: Sequence[Rejection] = ()


class ImportReads(Protocol):
    """The store's read verbs for imports."""

    async def fetch_import(self, organisation_id: int, key: str) -> ImportRecord | None: ...
    async def fetch_holders(
        self, organisation_id: int, names: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], int]:
        """The ids of the orders that bear these names (scheme, name); nothing for one that is free."""
        ...

    async def fetch_order_as_placed(self, organisation_id: int, order_id: int) -> Order | None:
        """The order's first revision."""
        ...


class ImportWrites(ImportReads, Protocol):
    """The store's write verbs for imports."""

    async def insert_import(self, record: ImportRecord) -> bool: ...
    async def update_import(self, record: ImportRecord, *, was: int) -> bool:
        """Write progress and epoch; False unless the epoch was `was`."""
        ...

    async def delete_import(self, record: ImportRecord) -> bool:
        """False unless the epoch is the record's."""
        ...

    async def insert_placements(
        self, organisation_id: int, placements: Sequence[Placement], origin: Origin
    ) -> bool:
        """Write orders with all that belongs to them; False, and not all is written, when a name is taken."""
        ...

    async def insert_rejections(
        self, organisation_id: int, group_order_id: str, rejections: Sequence[Rejection]
    ) -> None:
        """Write what was not taken of a group order; a line that is there already stays as it is."""
        ...
