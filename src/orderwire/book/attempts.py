"""How often somebody may try to log in: wrong secrets are counted, by who is claimed to ask and from where.

The store counts, so that all processes agree and a restart remembers; a process remembers besides
which claims are refused now, and asks nobody about them until their window ends.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from msgspec import Struct

from orderwire.vault import digest

from .errors import TooManyAttempts

LOGIN_FAILURES = 10
LOGIN_WINDOW_SECONDS = 300
# Of those known to be refused; when there are more, the store is asked again.
MAX_REFUSED = 10_000


class Claim(Struct, frozen=True, kw_only=True):
    """Who is claimed to log in, in which scheme, and from which address ("" if unknown).

    `organisation_id` is None where the name is sought in all of them.
    """

    scheme: str
    organisation_id: int | None
    username: str
    address: str

    @property
    def key(self) -> str:
        """What the claim's failures are counted under: 64 hex digits that tell nobody's name."""
        organisation = "" if self.organisation_id is None else self.organisation_id
        return digest(f"{self.scheme}\0{organisation}\0{self.address}\0{self.username}").hex()


class Attempt(Struct, frozen=True):
    """The wrong secrets that were counted for a claim, and when their window ends."""

    failures: int
    ends_at: datetime


@dataclass(slots=True)
class Attempts:
    """The rule, and what this process knows: after `limit` wrong secrets in `window` a claim is refused
    until that window ends. A limit of 0 is none."""

    limit: int = LOGIN_FAILURES
    window: timedelta = timedelta(seconds=LOGIN_WINDOW_SECONDS)
    refused: dict[str, datetime] = field(default_factory=dict)
    turns: MutableMapping[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def turn(self, claim: Claim) -> asyncio.Lock:
        """Held while a claim's secret is checked: tries that come at once are counted one by one."""
        return self.turns.setdefault(claim.key, asyncio.Lock())

    def is_refused(self, claim: Claim, now: datetime) -> bool:
        """True if the claim is known to be refused; asks nobody."""
        ends_at = self.refused.get(claim.key) if self.refused else None
        return ends_at is not None and now < ends_at

    def check_known(self, claim: Claim, now: datetime) -> None:
        """Raises TooManyAttempts if the claim is known to be refused."""
        if self.is_refused(claim, now):
            left = (self.refused[claim.key] - now).total_seconds()
            raise TooManyAttempts(max(1, math.ceil(left)))

    def note(self, claim: Claim, attempt: Attempt, now: datetime) -> None:
        """Remember the claim as refused, if that many failures are too many."""
        if attempt.failures < self.limit or attempt.ends_at <= now:
            return
        if len(self.refused) >= MAX_REFUSED:
            self.refused.clear()
        self.refused[claim.key] = attempt.ends_at

    def after_failure(self, attempt: Attempt | None, now: datetime) -> Attempt:
        """What is counted once another secret was wrong: a window that has ended begins anew."""
        if attempt is None or attempt.ends_at <= now:
            return Attempt(1, now + self.window)
        return Attempt(attempt.failures + 1, attempt.ends_at)
