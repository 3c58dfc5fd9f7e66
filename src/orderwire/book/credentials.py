"""From what a client shows to what stands behind it: tokens and passwords checked."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from orderwire.vault import DECOY_HASH, digest

from .attempts import Claim
from .callers import Application, Credential, Person, Token
from .errors import CredentialExpired, CredentialUnknown
from .store import Book

T = TypeVar("T")

# The last use of a session is noted at most this often, and never on the way of the answer.
NOTE_USE_EVERY = timedelta(seconds=60)
# A token longer than this is not one of ours; it is refused unread.
MAX_CREDENTIAL_LENGTH = 4_096


def read_credential(book: Book, scheme: str, secret: str) -> Coroutine[Any, Any, Credential]:
    """The credential behind what a client showed.

    Raises CredentialUnknown (never issued, revoked, holder disabled) or CredentialExpired (older
    than its end, or unused for longer than its idle limit; exactly that long is still valid).
    """
    return read_credential_of(book, (scheme,), secret)


async def read_credential_of(book: Book, schemes: Sequence[str], secret: str) -> Credential:
    """The credential behind what a client showed, where several schemes are taken.

    Raises CredentialUnknown or CredentialExpired.
    """
    if len(secret) > MAX_CREDENTIAL_LENGTH:
        raise CredentialUnknown
    key = digest(secret)
    sign = book.store.sign()
    credential = book.credentials.get(key, sign)
    if credential is None:
        credential = await book.store.fetch_credential(key)
        if credential is None:
            raise CredentialUnknown
        book.credentials.put(key, sign, credential)
    if credential.token.scheme not in schemes:
        raise CredentialUnknown
    return _usable(book, credential)


def _usable(book: Book, credential: Credential) -> Credential:
    """The credential, its use noted. Raises CredentialUnknown or CredentialExpired if it is of no use now."""
    token = credential.token
    if token.revoked or (credential.person is not None and credential.person.disabled):
        raise CredentialUnknown
    if token.expires_at is None and token.idle_limit_s is None:
        return credential
    now = book.clock()
    if token.idle_limit_s is None:
        check_fresh(token, now, now)
        return credential
    # A cached token does not know of the uses since it was read.
    last_used_at = max(token.last_used_at, book.noted_uses.get(token.digest, token.last_used_at))
    check_fresh(token, now, last_used_at)
    if now - last_used_at >= NOTE_USE_EVERY:
        note_use(book, token)
    return credential


def check_fresh(token: Token, now: datetime, last_used_at: datetime) -> None:
    """Raises CredentialExpired if the token's time is over at `now`, given when it was last used."""
    if token.expires_at is not None and now > token.expires_at:
        raise CredentialExpired
    if token.idle_limit_s is not None and (now - last_used_at).total_seconds() > token.idle_limit_s:
        raise CredentialExpired


def note_use(book: Book, token: Token) -> None:
    """Note that a session was used: at most once a minute each, written behind the answer."""
    now = book.clock()
    last = book.noted_uses.get(token.digest, token.last_used_at)
    if now - last < NOTE_USE_EVERY:
        return
    if len(book.noted_uses) >= book.credentials.limit:
        book.noted_uses.clear()
    book.noted_uses[token.digest] = now
    book.behind(book.store.write(lambda tx: tx.touch_token(token.digest, now)))


def owner_of(secret: str) -> str:
    """The anonymous owner behind a secret, as `Access.owner` and `Caller.owner` name it."""
    return digest(secret).hex()


async def check_password(book: Book, claim: Claim, person: Person | None, password: str) -> Person:
    """The person, if the password is theirs. Raises CredentialUnknown or TooManyAttempts.

    An unknown person takes as long as a wrong password and is counted like one, so that names can't be told.
    A password that was right before, here, costs nothing but a look at who is refused now.
    """
    hashed = person.password_hash if person is not None and not person.disabled else None

    def is_recalled() -> bool:
        return hashed is not None and book.vault.recalls(password, hashed)

    if person is not None and is_recalled() and not book.attempts.is_refused(claim, book.clock()):
        return person

    async def check() -> Person | None:
        # It may have been right for somebody who had the turn before.
        right = is_recalled() or await asyncio.get_running_loop().run_in_executor(
            book.hashers, book.vault.verify, password, hashed or DECOY_HASH
        )
        return person if right and hashed is not None else None

    return await _counted(book, claim, check)


async def check_client(book: Book, claim: Claim, secret: str) -> Application:
    """The application that calls itself `claim.username`, if the secret is its own.

    Raises CredentialUnknown or TooManyAttempts.
    """

    async def check() -> Application | None:
        application = await book.store.fetch_client(claim.username)
        kept = application.secret_digest if application is not None else None
        return application if hmac.compare_digest(kept or b"", digest(secret)) else None

    return await _counted(book, claim, check)


async def _counted(book: Book, claim: Claim, check: Callable[[], Awaitable[T | None]]) -> T:
    """What `check` gives. None is a wrong secret and counted; a right one ends the count.

    Raises CredentialUnknown or TooManyAttempts.
    """
    attempts, key = book.attempts, claim.key
    attempts.check_known(claim, book.clock())
    async with attempts.turn(claim):
        attempt = await book.store.fetch_attempt(key) if attempts.limit else None
        if attempt is not None:
            attempts.note(claim, attempt, book.clock())
        attempts.check_known(claim, book.clock())
        found = await check()
        if found is not None:
            if attempt is not None:
                await book.store.write(lambda tx: tx.delete_attempt(key))
            return found
        if attempts.limit:
            now = book.clock()
            await book.store.write(lambda tx: tx.count_failure(key, now, now + attempts.window))
            attempts.note(claim, attempts.after_failure(attempt, now), now)
        raise CredentialUnknown


async def forget_ended_attempts(book: Book) -> None:
    """Delete the counts whose window has ended."""
    now = book.clock()
    await book.store.write(lambda tx: tx.delete_ended_attempts(now))
