"""Publishes a run as its files say now: what a follower missed, or a run that was kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from runner.ports import Clock
from runner.publish.publisher import Publisher
from runner.runs import files
from runner.runs.reading import Tail
from runner.runs.source import Where


def settle(
    publisher: Publisher,
    where: Where,
    *,
    clock: Clock,
    sleep: Callable[[float], None] = time.sleep,
    patience: float = 600.0,
) -> bool:
    """Whether all of it is on the forge, after `patience` seconds at most.

    A run that nobody works on and whose log has no end is shown as interrupted. Raises RunnerError subclasses
    where there is no run, or a log that cannot be read.
    """
    tail = Tail(where)
    live = (
        tail.source.is_live()
    )  # asked before the log is read: what was written before the end is then in it
    tail.poll()
    deadline = clock.now() + patience
    while True:
        now = clock.now()
        due = publisher.due(tail.state, now=now, died=not live)
        at = publisher.next_write() if due.rank is not None else due.later
        if at == math.inf or (live and due.rank is None):
            return not publisher.has_lost
        if at > deadline:
            return False
        now = clock.now()  # later than before the forge was asked, which also looks at a clock
        if at > now:
            sleep(at - now)
            continue
        publisher.step(
            tail.plan,
            tail.state,
            evidence=lambda: files.evidence(tail.source, tail.state),
            now=now,
            died=not live,
        )
