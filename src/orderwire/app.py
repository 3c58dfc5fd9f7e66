"""The only file that knows all parts: mounts every face on the Book and serves (`opening` makes the Book)."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog
import uvloop

from orderwire import contracts
from orderwire import settings as table
from orderwire.book.accounts import create_organisation, forget_ended_tokens
from orderwire.book.callers import Organisation
from orderwire.book.credentials import forget_ended_attempts
from orderwire.book.errors import BookError
from orderwire.book.once import forget_old_answers
from orderwire.book.store import Book
from orderwire.contracts.contract import Contract, Mount
from orderwire.contracts.native.wire_lines import parse_order_line
from orderwire.contracts.views import Views
from orderwire.importer.desk import ImportDesk
from orderwire.importer.jobs import Runner
from orderwire.opening import open_book
from orderwire.server import StartRefused, find_address, follow_parent, serve, take_turns
from orderwire.settings import Setting, Settings
from orderwire.store.addresses import is_postgres
from orderwire.store.schema import NotMigrated
from orderwire.vault import digest
from orderwire.web.asgi import AsgiApp, Face
from orderwire.web.limits import Limits
from orderwire.web.pages import ServicePages
from orderwire.web.request import Request
from orderwire.workers import Workers

DEMO_ORGANISATION = "entity1"
DEMO_DIRECTORY = "entity1-1450169988465"
HOUSEKEEPING_SECONDS = 3_600
# So many new objects before a collection: with dozens of requests under way, fewer only find them all alive.
GARBAGE_THRESHOLDS = (5_000, 20, 20)
# From linux/prctl.h.
PR_SET_PDEATHSIG = 1

log = structlog.get_logger("orderwire.app")

__all__ = [
    "NotMigrated",
    "StartRefused",
    "create",
    "follow_parent",
    "open_book",
    "plant_demo",
    "run",
]


def contract_extra() -> tuple[Setting, ...]:
    """The settings of every contract."""
    return tuple(s for c in contracts.ALL for s in table.contract_settings(c.name, c.options))


def demo_overrides() -> dict[str, str]:
    """The contract options that the demo uses unless the settings give others."""
    return {f"{c.name}.{name}": text for c in contracts.ALL for name, text in c.demo.options.items()}


async def plant_demo(book: Book) -> Organisation:
    """Bring the demo organisation and every contract's demo records into the book, where missing."""
    organisation = await book.store.fetch_organisation(DEMO_ORGANISATION)
    if organisation is None:
        organisation = await create_organisation(book, DEMO_ORGANISATION, DEMO_DIRECTORY)
    for contract in contracts.ALL:
        await contract.demo.plant(book, organisation)
    return organisation


async def check_no_demo_credentials(book: Book) -> None:
    """Raises StartRefused if anybody could sign in with the demo's published credentials."""
    for contract in contracts.ALL:
        for scheme, secret in contract.demo.tokens:
            found = await book.store.fetch_credential(digest(secret))
            if found is not None and found.token.scheme == scheme and not found.token.revoked:
                raise StartRefused(f"this book holds the demo's credentials ({contract.name}): use `demo`")
        for username, password in contract.demo.passwords:
            for person in await book.store.list_persons_named(username, 100):
                hashed = person.password_hash or ""
                known: bool = await asyncio.to_thread(book.vault.verify, password, hashed)
                if known:
                    raise StartRefused(f"this book holds the demo's user {username!r}: use `demo`")


async def keep_house(book: Book) -> None:
    """Let go of what has ended or is old, now and every hour; never ends by itself."""
    while True:
        try:
            await forget_ended_tokens(book)
            await forget_old_answers(book)
            await forget_ended_attempts(book)
            await book.store.keep_house()
        except BookError as error:
            # A book that can be read only is served all the same.
            log.warning("housekeeping failed", error=type(error).__name__)
        await asyncio.sleep(HOUSEKEEPING_SECONDS)


def make_mount(contract: Contract, book: Book, settings: Settings, views: Views) -> Mount:
    """The contract on the book, with its options and bindings from the settings."""
    return Mount(
        contract=contract,
        book=book,
        options={option.name: settings[f"{contract.name}.{option.name}"] for option in contract.options},
        hosts=settings[f"{contract.name}.hosts"],
        organisation=settings[f"{contract.name}.organisation"],
        reads_past=settings["as_of_header"],
        views=views,
    )


def make_runner(book: Book, settings: Settings) -> Runner:
    """Who imports uploaded files into the book; not running yet."""
    desk = book.desk = ImportDesk(settings.import_folder)
    return Runner(
        book,
        desk,
        parse_order_line,
        at_once=settings["imports_at_once"],
        keep_days=settings["import_files_days"],
    )


def make_documents(mounts: Mapping[str, Mount]) -> dict[str, Callable[[], bytes]]:
    """What makes the OpenAPI descriptions of the contracts that have one, by their paths."""

    def encoded(describe: Callable[[], Mapping[str, Any]]) -> Callable[[], bytes]:
        return lambda: msgspec.json.encode(describe())

    return {
        f"/openapi/{name}.json": encoded(mount.contract.openapi)
        for name, mount in mounts.items()
        if mount.contract.openapi is not None
    }


async def warn_of_unknown_bindings(mount: Mount) -> None:
    """Log each organisation that the settings bind the contract to and the book does not have (yet)."""
    for name in sorted({mount.organisation, *mount.hosts.values()} - {""}):
        if await mount.book.store.fetch_organisation(name) is None:
            log.warning("bound to an organisation that is not there", contract=mount.name, organisation=name)


class Site:
    """Which face a request belongs to: by the longest path prefix, then by host."""

    def __init__(self, mounts: Mapping[str, Mount], pages: Face) -> None:
        self._pages = pages
        by_segment: dict[str, list[tuple[str, str, Mount]]] = {}
        for mount in mounts.values():
            for prefix in mount.contract.prefixes:
                by_segment.setdefault(prefix.split("/", 2)[1], []).append((prefix + "/", prefix, mount))
        for found in by_segment.values():
            found.sort(key=lambda item: -len(item[0]))
        self._by_segment = by_segment

    def face_of(self, request: Request) -> Face:
        """The contract that owns the path on this host, or else the pages about the service."""
        path = request.path
        for below, prefix, mount in self._by_segment.get(path[1:].partition("/")[0], ()):
            if (path.startswith(below) or path == prefix) and (
                not mount.hosts or request.host in mount.hosts
            ):
                return mount
        return self._pages


class Service:
    """The book and its faces between the server's start and its end."""

    def __init__(self, settings: Settings, *, demo: bool) -> None:
        self._settings = settings
        self._demo = demo
        self._book: Book | None = None
        self._runner: Runner | None = None
        self.limits = Limits(
            body_bytes=settings["body_bytes"],
            url_bytes=settings["url_bytes"],
            header_bytes=settings["header_bytes"],
            header_count=settings["header_count"],
            request_seconds=settings["request_seconds"],
            upload_bytes=settings["upload_bytes"],
            transfer_seconds=settings["transfer_seconds"],
        )
        self.asgi = AsgiApp(self._face_of, self.limits, self.open, self.close)
        self._site: Site | None = None
        self._housekeeper: asyncio.Task[None] | None = None

    def _face_of(self, request: Request) -> Face:
        assert self._site is not None, "a request before the book was opened"
        return self._site.face_of(request)

    async def open(self) -> None:
        """Open the book and mount the contracts. Raises what `open_book` raises, or StartRefused."""
        book = await open_book(self._settings)
        if self._demo:
            await plant_demo(book)
        else:
            await check_no_demo_credentials(book)
        views = Views(self._settings["kept_answers_bytes"])
        mounts = {
            c.name: make_mount(c, book, self._settings, views)
            for c in contracts.ALL
            if self._settings[f"{c.name}.enabled"]
        }
        for mount in mounts.values():
            await warn_of_unknown_bindings(mount)
        served = [(m.contract.title, " ".join(m.contract.prefixes)) for m in mounts.values()]
        self._book = book
        self._housekeeper = asyncio.create_task(keep_house(book))
        pages = ServicePages(served, self._is_ready, self.asgi.counts, make_documents(mounts))
        self._site = Site(mounts, pages)
        self._runner = make_runner(book, self._settings)
        self._runner.start()

    async def _is_ready(self) -> bool:
        assert self._book is not None
        try:
            await self._book.store.list_organisations(1)
        except BookError:
            return False
        return True

    async def close(self) -> None:
        """Finish what is under way and let go of the book; imports go on at the next start."""
        if self._runner is not None:
            await self._runner.stop()
        if self._housekeeper is not None:
            self._housekeeper.cancel()
            await asyncio.wait([self._housekeeper])
        if self._book is not None:
            await self._book.close()


def create() -> AsgiApp:
    """The ASGI application with the settings of the environment, for any ASGI server (a factory)."""
    settings = table.load(os.environ, extra=contract_extra())
    return Service(settings, demo=False).asgi


def run(settings: Settings, *, demo: bool = False, started: Callable[[], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; `started` is called once the listener takes connections.

    Raises StartRefused when the address can't be had or the book may not be served, NotMigrated,
    SettingsError.
    """
    address = find_address(settings["host"], settings["port"])
    count = settings["workers"]
    if count == 1:
        uvloop.run(_run(settings, address, demo=demo, started=started))
        return
    if not is_postgres(settings["database"]):
        raise StartRefused("several workers need PostgreSQL: one process writes an embedded book")
    # What stands against serving is told once, by this process.
    uvloop.run(_try_out(settings, demo=demo))
    workers = Workers(
        count, lambda listening: uvloop.run(_run(settings, address, demo=demo, started=listening))
    )
    workers.run(started)


async def _try_out(settings: Settings, *, demo: bool) -> None:
    service = Service(settings, demo=demo)
    await service.open()
    await service.close()


async def _run(settings: Settings, address: str, *, demo: bool, started: Callable[[], None] | None) -> None:
    take_turns()
    service = Service(settings, demo=demo)
    await service.open()
    # What the start has made stays: it is never looked through for garbage.
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    gc.enable()
    try:
        await serve(service.asgi, address, settings["port"], service.limits, started)
    finally:
        await service.close()
