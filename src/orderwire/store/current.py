"""Whether what was read before is still current: the cheapest questions that a store can be asked."""

from __future__ import annotations

from orderwire.book.orders import bucket_of
from orderwire.book.seen import Seen

from . import statements as st
from .rows import instant
from .verbs import Reads


class CurrentReads(Reads):
    """The read verbs of a store itself; a transaction has no use for these two."""

    def sign(self) -> bytes | None:
        """What stays the same as long as nobody commits anything; None if only a read can tell."""
        return None

    async def stands(self, seen: Seen) -> bool:
        sign = self.sign()
        if sign is not None and seen.sign == sign:
            return True
        if seen.revision is None:
            return False
        row = await self.row(st.FETCH_REVISION, bucket_of(seen.order_id), seen.order_id, seen.organisation_id)
        # Both: after the loss of a primary that had no synchronous standby, a revision may be given again.
        if row is None or row[0] != seen.revision or instant(row[1]) != seen.recorded_at:
            return False
        # Taken before the read: a commit in between makes the next one ask again.
        seen.sign = sign
        return True
