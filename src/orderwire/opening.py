"""From the settings to the book: its store, its key, its mailbox."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orderwire.book.attempts import Attempts
from orderwire.book.callers import CredentialCache
from orderwire.book.errors import BookError
from orderwire.book.store import Book, Mailbox, Store
from orderwire.courier.mail import FileMailbox, SmtpMailbox
from orderwire.server import StartRefused
from orderwire.settings import Settings, SettingsError
from orderwire.store.engines import LIST_SECONDS, CannotOpen, open_store
from orderwire.store.schema import KEY_PROOF
from orderwire.vault import Vault, VaultError, new_key


def now() -> datetime:
    """The clock of a real book."""
    return datetime.now(UTC)


def check_key(vault: Vault, proof: str | None) -> None:
    """Raises SettingsError unless the vault holds the key that the book's secrets are sealed with."""
    try:
        if proof is not None and vault.open(proof, KEY_PROOF) == KEY_PROOF:
            return
    except VaultError:
        pass
    raise SettingsError(
        "the key is not the one that this book's vouchers are sealed with: restore its key file"
    )


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
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"the key file {settings.key_file} can't be read: {error}") from error
    try:
        return Vault(keys)
    except ValueError as error:
        form = "a key is base64 of 32 bytes, one a line, the one that seals first"
        raise SettingsError(f"the key file {settings.key_file} holds no keys: {form}") from error


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


async def open_book(settings: Settings, *, list_seconds: float = LIST_SECONDS) -> Book:
    """The book on its store; a list may take `list_seconds`.

    Raises NotMigrated, SettingsError, or StartRefused for a book that can't be opened.
    """
    try:
        store = await open_store_of(settings, list_seconds)
    except CannotOpen as error:
        raise StartRefused(str(error)) from error
    try:
        vault = make_vault(settings)
        check_key(vault, await store.fetch_fact(KEY_PROOF))
    except (SettingsError, BookError):
        await store.close()
        raise
    return Book(
        store=store,
        vault=vault,
        mailbox=make_mailbox(settings),
        clock=now,
        credentials=CredentialCache(ttl_s=settings["credential_cache_ms"] / 1_000),
        attempts=Attempts(settings["login_failures"], timedelta(seconds=settings["login_window_seconds"])),
    )


async def open_store_of(settings: Settings, list_seconds: float = LIST_SECONDS) -> Store:
    """The store that the settings name. Raises NotMigrated or CannotOpen."""
    return await open_store(
        settings["database"],
        connections=settings["database_connections"],
        seconds=settings["store_seconds"],
        list_seconds=list_seconds,
    )
