"""How everything below this process is ended: TERM, the grace, KILL, until nothing lives."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from runner.executors.local import processes, wire

if TYPE_CHECKING:
    from runner.executors.local.attempt import Attempt
    from runner.executors.local.slot import Slot

UNKILLABLE = 20.0  # after that long under KILL we give a process up (uninterruptible sleep)
ORPHAN_GRACE = 2.0  # the runner is dead: its jobs do not get longer than this


def end_all(slot: Slot, main: int, grace: float, attempt: Attempt | None = None) -> int:
    """TERM, the grace, KILL, for everything below this process; how many processes there were.

    Returns when nothing lives any more (or cannot be killed at all). A second command meanwhile
    that says KILL, or that the runner is gone, shortens the grace.
    """
    told = processes.terminate(os.getpid(), main)
    now = time.monotonic()
    deadline, surrender = now + grace, now + grace + UNKILLABLE
    while (attempt.reap() if attempt else _reap()) and now < surrender:
        if now >= deadline:
            processes.kill(os.getpid(), main if attempt and attempt.status is None else 0)
        for fd, _ in slot.poller.poll(10):
            if attempt and fd in attempt.logs:
                attempt.logs.copy(fd)
            elif fd == slot.commands:
                slot.read_commands()
                if slot.orphaned:
                    deadline = min(deadline, time.monotonic() + ORPHAN_GRACE)
                if any(order[0] == wire.KILL for order in slot.orders):
                    deadline = 0.0
        now = time.monotonic()
    return told


def _reap() -> bool:
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return True
        except ChildProcessError:
            return False
