"""A book brought to the newest schema, and its key: apart, as nobody else needs Alembic."""

from __future__ import annotations

import asyncio

from orderwire.book.store import Store
from orderwire.opening import check_key, make_key_file, make_vault, open_store_of
from orderwire.server import StartRefused
from orderwire.settings import Settings
from orderwire.store.engines import CannotOpen, standing_of
from orderwire.store.schema import KEY_PROOF
from orderwire.store.upgrading import upgrade


def migrate(settings: Settings) -> tuple[str | None, str | None]:
    """Bring the book to the newest schema; gives the revisions before and after.

    A new book gets its key, and keeps the proof of it. Raises StartRefused, or SettingsError when the key
    of a book that has one is not at hand.
    """
    return asyncio.run(_migrate(settings))


async def _migrate(settings: Settings) -> tuple[str | None, str | None]:
    database = settings["database"]
    try:
        before = await standing_of(database)
        await upgrade(database)
        store = await open_store_of(settings)
    except CannotOpen as error:
        raise StartRefused(str(error)) from error
    try:
        await _prove_key(settings, store)
    finally:
        await store.close()
    after = await standing_of(database)
    return before.revision, after.revision


async def _prove_key(settings: Settings, store: Store) -> None:
    proof = await store.fetch_fact(KEY_PROOF)
    if proof is None:
        if not settings["vault_keys"]:
            make_key_file(settings.key_file)
        sealed = make_vault(settings).seal(KEY_PROOF, KEY_PROOF)
        await store.write(lambda tx: tx.insert_fact(KEY_PROOF, sealed))
    else:
        check_key(make_vault(settings), proof)
