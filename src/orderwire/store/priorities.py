"""Which threads of the embedded store go first where they share a core: the loop's, then the others."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

# Whoever waits for a list waits for milliseconds anyway; one that runs keeps the core for its whole slice.
SCANNER = 19
# A commit waits for the disk, and a batch is the larger for a moment's wait; a read has nothing to wait for.
WRITER = 5
# Nobody waits for the log to be moved.
CHECKPOINTER = 10


def step_back(niceness: int) -> None:
    """Give this thread a lower priority than the loop's, where threads have one of their own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
