"""Secrets: digests of tokens, password hashes, sealed texts with rotatable keys. Knows nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections import OrderedDict
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
# Enough for the callers of one installation that use passwords on every request.
REMEMBERED_PASSWORDS = 1_024
# OWASP's memory-light argon2id setting: 19 MiB, two passes, one lane; a server must stay under 150 MiB.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# What is checked where nobody is, so that it takes as long: the hash of a token that was thrown away.
DECOY_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$MMfh46hL/xTDAOiaZzbUyA$mJiGYEvDPdYzsB+1Iz7DAFbocdT+0yMIHEdEIpfNviY"
)


class VaultError(Exception):
    """A sealed text can't be opened: unknown key, or not sealed for this place."""


def digest(secret: str) -> bytes:
    """SHA-256 of a token; tokens are long and random, so no salt and no stretching is needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def new_token() -> str:
    """A fresh random token: 43 characters of the URL-safe alphabet, all but 256 bits.

    None begins with a hyphen: on a command line it would be taken for an option.
    """
    while (token := secrets.token_urlsafe(32)).startswith("-"):
        continue
    return token


def new_key() -> str:
    """A fresh sealing key, base64 of 32 random bytes."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def hash_password(password: str) -> str:
    """The argon2id hash of a password, parameters included (takes tens of milliseconds)."""
    return _HASHER.hash(password)


class Vault:
    """Seals texts (AES-256-GCM) and checks passwords.

    `keys` are base64 texts of 32 bytes; the first seals, all open, so a key is rotated by putting a
    new one in front. Raises ValueError for a key of another size.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        if not keys:
            raise ValueError("a vault needs at least one key")
        self._ciphers: dict[str, AESGCM] = {}
        for text in keys:
            key = base64.b64decode(text, validate=True)
            if len(key) != KEY_BYTES:
                raise ValueError(f"a vault key is base64 of {KEY_BYTES} bytes")
            self._ciphers[hashlib.sha256(key).hexdigest()[:8]] = AESGCM(key)
        self._current = next(iter(self._ciphers))
        self._pepper = os.urandom(KEY_BYTES)
        self._remembered: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()

    def __repr__(self) -> str:
        return "Vault(...)"

    def seal(self, clear: str, place: str) -> str:
        """Seal `clear` for `place`: it can be opened only there, so it can't be copied elsewhere."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, clear.encode(), place.encode())
        return f"{self._current}:{base64.b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, place: str) -> str:
        """The clear text sealed for `place`. Raises VaultError."""
        name, _, body = sealed.partition(":")
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise VaultError(f"no key named {name!r}")
        raw = base64.b64decode(body)
        try:
            return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode()).decode()
        except InvalidTag as error:
            raise VaultError("sealed for another place, or damaged") from error

    def recalls(self, password: str, hashed: str) -> bool:
        """True if this very password was verified against this very hash before (microseconds).

        Remembers keyed digests only, so a changed hash forgets at once. A miss says nothing.
        """
        return self._mark(password, hashed) in self._remembered

    def verify(self, password: str, hashed: str) -> bool:
        """True if the password has this argon2id hash (tens of milliseconds: not on the loop thread)."""
        try:
            _HASHER.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False
        with self._lock:
            self._remembered[self._mark(password, hashed)] = None
            if len(self._remembered) > REMEMBERED_PASSWORDS:
                self._remembered.popitem(last=False)
        return True

    def _mark(self, password: str, hashed: str) -> bytes:
        text = f"{hashed}\0{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._pepper, text, "sha256")
