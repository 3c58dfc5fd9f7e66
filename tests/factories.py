"""Books, callers and orders for tests: the real store, the real vault, a folder as mailbox."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from orderwire.book.accounts import create_organisation
from orderwire.book.attempts import Claim
from orderwire.book.callers import RIGHTS, Caller, CredentialCache, Organisation
from orderwire.book.lists import OrderQuery
from orderwire.book.orders import Order
from orderwire.book.store import Book, Store
from orderwire.courier.mail import FileMailbox
from orderwire.store.migrations import upgrade
from orderwire.store.sqlite import SqliteStore
from orderwire.vault import Vault, new_key


def now() -> datetime:
    """The clock of test books that set no other."""
    return datetime.now(UTC)


def make_book(folder: Path, *, cache_seconds: float = 0.0) -> Book:
    """A fresh book (or the one that is there) on a migrated SQLite file in `folder`."""
    path = folder / "book.db"
    if not path.exists():
        upgrade(path)
    return make_book_over(SqliteStore(path), folder, cache_seconds=cache_seconds)


def make_book_over(store: Store, folder: Path, *, cache_seconds: float = 0.0) -> Book:
    """A book on this store, its mails in `folder`."""
    book = Book(
        store=store,
        vault=Vault((new_key(),)),
        mailbox=None,  # type: ignore[arg-type]  # set below: the mailbox asks the book for the time
        clock=now,
        credentials=CredentialCache(ttl_s=cache_seconds),
    )
    book.mailbox = FileMailbox(folder / "mail", "orders@example.com", lambda: book.clock())
    return book


async def make_organisation(book: Book, name: str = "acme") -> Organisation:
    """The organisation of this name, created if it is not there."""
    found = await book.store.fetch_organisation(name)
    return found or await create_organisation(book, name)


def make_caller(organisation: Organisation, rights: frozenset[str] = RIGHTS) -> Caller:
    """A caller of the organisation with these rights, whom no contract knows."""
    return Caller(organisation=organisation, contract="test", rights=rights)


def claim_of(username: str, address: str = "192.0.2.1") -> Claim:
    """A log-in of a scheme that no contract has, in whatever organisation."""
    return Claim(scheme="test", organisation_id=None, username=username, address=address)


async def all_orders(book: Book, organisation: Organisation) -> list[Order]:
    """The organisation's orders (at most 1,000), by ascending id."""
    page = await book.store.list_orders(organisation.id, OrderQuery(limit=1_000))
    assert page.more is None, "more orders than a page holds"
    return [listed.order for listed in page.orders]


def read_mails(folder: Path) -> list[str]:
    """The mails in a file mailbox, oldest first, headers included."""
    return [path.read_text() for path in sorted(folder.glob("*.eml"))]
