"""What is asked of an import, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from orderwire.book.operations import NewOrder

from .maps import Map

# Takes one line of JSON Lines in the native shape. Raises FieldMissing or FieldInvalid.
ParseOrder = Callable[[bytes], NewOrder]

ACCEPT_VALID, ALL_OR_NOTHING = "accept_valid", "all_or_nothing"
POLICIES = (ACCEPT_VALID, ALL_OR_NOTHING)
FORMATS = ("csv", "xlsx", "jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """How to import one file.

    `map` None: every line is an order in the native shape (JSON Lines only). `format` None: told by the
    map, else by the suffix of `name`. `name` is what the file is called in messages and reports (None:
    its own name); reports go to `folder` (None: beside the file). `normalised` asks for the third
    report. `dry_run` places nothing. `group_order_id`: the orders become members of this group order,
    which must be there. `key` names the record of the import's progress (None: made of organisation,
    file and request), by which an interrupted import goes on.
    """

    map: Map | None = None
    format: str | None = None
    policy: str = ACCEPT_VALID
    folder: Path | None = None
    name: str | None = None
    normalised: bool = False
    dry_run: bool = False
    group_order_id: str | None = None
    key: str | None = None


@dataclass(slots=True)
class Summary:
    """What became of a file so far.

    `codes` counts rejected rows by code; `blank` lines are no rows. `size` and `read` are bytes.
    `resumed` is how many orders an earlier, interrupted run had settled already. Paths of reports are
    "" until they are complete, and of those that have no rows.
    """

    file: str
    organisation: str
    size: int = 0
    read: int = 0
    rows: int = 0
    blank: int = 0
    orders: int = 0
    resumed: int = 0
    placed: int = 0
    already_there: int = 0
    rejected: int = 0
    accepted_rows: int = 0
    rejected_rows: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    accepted_file: str = ""
    rejected_file: str = ""
    normalised_file: str = ""


# Told after every step, on the event loop: the summary so far.
OnProgress = Callable[[Summary], None]
