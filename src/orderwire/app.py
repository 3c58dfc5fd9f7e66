"""The only file that knows all parts: opens the store, makes the Book, mounts every face, serves."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from orderwire import contracts
from orderwire import settings as table
from orderwire.book.accounts import create_organisation, forget_ended_tokens
from orderwire.book.callers import CredentialCache, Organisation
from orderwire.book.errors import BookError
from orderwire.book.store import Book, Mailbox
from orderwire.contracts.contract import Contract, Mount
from orderwire.courier.mail import FileMailbox, SmtpMailbox
from orderwire.settings import Setting, Settings, SettingsError
from orderwire.store.migrations import upgrade
from orderwire.store.schema import NotMigrated, check_migrated, revision_of
from orderwire.store.sqlite import SqliteStore
from orderwire.vault import Vault, digest, new_key
from orderwire.web.asgi import AsgiApp, Face
from orderwire.web.limits import Limits
from orderwire.web.pages import ServicePages
from orderwire.web.request import Request

DEMO_ORGANISATION = "entity1"
DEMO_DIRECTORY = "entity1-1450169988465"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# hyper's smallest read buffer; anything between it and the header limit would be refused without a form.
LEAST_BUFFER_BYTES = 8_192
BACKLOG = 1_024
# From linux/prctl.h.
PR_SET_PDEATHSIG = 1

__all__ = ["NotMigrated", "create", "migrate", "open_book", "plant_demo", "run"]


class StartRefused(Exception):
    """The service can't be started this way; the message says why and what to do."""


def contract_extra() -> tuple[Setting, ...]:
    """The settings of every contract."""
    return tuple(s for c in contracts.ALL for s in table.contract_settings(c.name, c.options))


def demo_overrides() -> dict[str, str]:
    """The contract options that the demo uses unless the settings give others."""
    return {f"{c.name}.{name}": text for c in contracts.ALL for name, text in c.demo.options.items()}


def now() -> datetime:
    """The clock of a real book."""
    return datetime.now(UTC)


def migrate(settings: Settings) -> tuple[str | None, str | None]:
    """Bring the book to the newest schema and make its key file; gives the revisions before and after."""
    path = settings.database_path
    before = revision_of(path)
    upgrade(path)
    if not settings["vault_keys"]:
        make_key_file(settings.key_file)
    return before, revision_of(path)


def make_key_file(path: Path) -> None:
    """Make a key file that only its owner may read, unless there is one."""
    if path.exists():
        return
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(new_key() + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)


def make_vault(settings: Settings) -> Vault:
    """The vault with the keys of the settings or of the key file. Raises SettingsError."""
    keys: tuple[str, ...] = settings["vault_keys"]
    if not keys:
        try:
            keys = tuple(settings.key_file.read_text().split())
        except OSError as error:
            raise SettingsError(
                f"the key file {settings.key_file} can't be read: {error.strerror}"
            ) from error
    try:
        return Vault(keys)
    except ValueError as error:
        raise SettingsError(f"the key file {settings.key_file}: {error}") from error


def make_mailbox(settings: Settings) -> Mailbox:
    """Where mails go: the SMTP server of the settings, or else a folder."""
    if not settings["smtp_host"]:
        return FileMailbox(settings.mail_folder, settings["mail_from"], now)
    return SmtpMailbox(
        host=settings["smtp_host"],
        port=settings["smtp_port"],
        sender=settings["mail_from"],
        clock=now,
        starttls=settings["smtp_starttls"],
        username=settings["smtp_username"],
        password=settings["smtp_password"],
        timeout_seconds=settings["smtp_timeout_seconds"],
    )


async def open_book(settings: Settings) -> Book:
    """The book on its store. Raises NotMigrated, SettingsError, or StartRefused for a broken file."""
    path = settings.database_path
    try:
        check_migrated(path)
        store = SqliteStore(path)
    except sqlite3.Error as error:
        raise StartRefused(f"{path} can't be opened: {error}") from error
    return Book(
        store=store,
        vault=make_vault(settings),
        mailbox=make_mailbox(settings),
        clock=now,
        credentials=CredentialCache(ttl_s=settings["credential_cache_ms"] / 1_000),
    )


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
            found = await book.store.fetch_credential(scheme, digest(secret))
            if found is not None and not found.token.revoked:
                raise StartRefused(f"this book holds the demo's credentials ({contract.name}): use `demo`")
        for username, password in contract.demo.passwords:
            for person in await book.store.list_persons_named(username, 100):
                hashed = person.password_hash or ""
                known: bool = await asyncio.to_thread(book.vault.verify, password, hashed)
                if known:
                    raise StartRefused(f"this book holds the demo's user {username!r}: use `demo`")


def make_mount(contract: Contract, book: Book, settings: Settings) -> Mount:
    """The contract on the book, with its options and bindings from the settings."""
    return Mount(
        contract=contract,
        book=book,
        options={option.name: settings[f"{contract.name}.{option.name}"] for option in contract.options},
        hosts=settings[f"{contract.name}.hosts"],
        organisation=settings[f"{contract.name}.organisation"],
    )


class Site:
    """Which face a request belongs to: by the longest path prefix, then by host."""

    def __init__(self, mounts: Mapping[str, Mount], pages: Face) -> None:
        self._pages = pages
        by_segment: dict[str, list[tuple[str, Mount]]] = {}
        for mount in mounts.values():
            for prefix in mount.contract.prefixes:
                by_segment.setdefault(prefix[1:].partition("/")[0], []).append((prefix, mount))
        for found in by_segment.values():
            found.sort(key=lambda item: -len(item[0]))
        self._by_segment = by_segment

    def face_of(self, request: Request) -> Face:
        """The contract that owns the path on this host, or else the pages about the service."""
        path = request.path
        end = path.find("/", 1)
        for prefix, mount in self._by_segment.get(path[1:end] if end > 0 else path[1:], ()):
            if (path.startswith(prefix + "/") or path == prefix) and (
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
        limits = Limits(
            body_bytes=settings["body_bytes"],
            url_bytes=settings["url_bytes"],
            header_bytes=settings["header_bytes"],
            header_count=settings["header_count"],
            request_seconds=settings["request_seconds"],
        )
        self.asgi = AsgiApp(self._face_of, limits, self.open, self.close)
        self._site: Site | None = None

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
        await forget_ended_tokens(book)
        mounts = {
            c.name: make_mount(c, book, self._settings)
            for c in contracts.ALL
            if self._settings[f"{c.name}.enabled"]
        }
        served = [(m.contract.title, " ".join(m.contract.prefixes)) for m in mounts.values()]
        self._book = book
        self._site = Site(mounts, ServicePages(served, self._is_ready, self.asgi.counts))

    async def _is_ready(self) -> bool:
        assert self._book is not None
        try:
            await self._book.store.list_organisations(1)
        except BookError:
            return False
        return True

    async def close(self) -> None:
        """Finish what is under way and let go of the book."""
        if self._book is not None:
            await self._book.close()


def create() -> AsgiApp:
    """The ASGI application with the settings of the environment, for any ASGI server (a factory)."""
    settings = table.load(os.environ, extra=contract_extra())
    check_migrated(settings.database_path)
    return Service(settings, demo=False).asgi


def run(settings: Settings, *, demo: bool = False, started: Callable[[], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; `started` is called once the book is open, just before listening.

    Raises StartRefused when the address is taken or the book may not be served, NotMigrated,
    SettingsError.
    """
    check_address(settings["host"], settings["port"])
    uvloop.run(_serve(settings, demo=demo, started=started))


def check_address(host: str, port: int) -> None:
    """Raises StartRefused if nobody could listen there; two servers on one port would share it silently."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartRefused(f"can't listen on {host} port {port}: {error.strerror}") from error


async def _serve(settings: Settings, *, demo: bool, started: Callable[[], None] | None) -> None:
    service = Service(settings, demo=demo)
    await service.open()
    try:
        server = _server(service.asgi, settings)
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, server.stop)
        if started is not None:
            started()
        await server.serve()
    finally:
        await service.close()


def _server(asgi: AsgiApp, settings: Settings) -> Server:
    # The book is opened before the server, so that a refusal is an error of the command: no lifespan.
    return Server(
        asgi,
        address=settings["host"],
        port=settings["port"],
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        log_enabled=False,
        http1_settings=HTTP1Settings(
            max_buffer_size=max(LEAST_BUFFER_BYTES, 2 * (settings["header_bytes"] + settings["url_bytes"])),
            header_read_timeout=int(settings["request_seconds"] * 1_000),
        ),
    )


def follow_parent() -> None:
    """End with the process that started this one (`make`), so that killing it leaves no server behind."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise StartRefused("the process that started this one is gone")
