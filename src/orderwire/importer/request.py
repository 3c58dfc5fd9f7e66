"""What is asked of an import, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from orderwire.book.operations import NewOrder

from .maps import Map

# Reads a line of JSON Lines in the native shape: the order, and the id it had where it was exported.
# Raises FieldMissing, or FieldInvalid (of the field "" when the line is no JSON).
ParseOrder = Callable[[bytes], tuple[NewOrder, int | None]]

ACCEPT_VALID, ALL_OR_NOTHING = "accept_valid", "all_or_nothing"
POLICIES = (ACCEPT_VALID, ALL_OR_NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """How to import one file.

    `map` None: every line is an order in the native shape (JSON Lines only). `format` None: told by the
    map, else by the suffix of `name`. `name` is what the file is called in messages and reports (None:
    its own name); reports go to `folder` (None: beside the file). `normalised` asks for the third
    report. `dry_run` places nothing; its reports are called `<name>.dry-run. ...`. `group_order_id`: the
    orders become members of this group order, which must be there. `key` names the record by which an
    interrupted import goes on (None: made of the file's content and of what is asked).
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
    `total` is how many orders the file holds (each row that belongs to none counts as one), None until
    that is known; `resumed` how many an earlier run had settled that was interrupted. Paths of reports are
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
    total: int | None = None
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
