"""Publishes a run as its files say now: what a follower missed, or a run that was kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from runner.errors import LogError
from runner.ports import Clock
from runner.publish.asking import sentence
from runner.publish.publisher import Publisher
from runner.publish.standing import GONE, Life
from runner.report.machines import UNREADABLE
from runner.runs import files
from runner.runs.reading import Tail
from runner.runs.source import Where, source_of


def settle(
    publisher: Publisher,
    where: Where,
    *,
    clock: Clock,
    sleep: Callable[[float], None] = time.sleep,
    patience: float = 600.0,
    alive: Callable[[], bool] | None = None,
) -> bool:
    """Whether all of it is on the forge, after `patience` seconds at most.

    A run that nobody works on and whose log has no end is shown as interrupted; `alive` knows better than its
    files whether somebody does. Raises RunnerError subclasses where there is none
    that can be read; of one in a bucket what can be read is shown.
    """
    tail = Tail(source_of(where).again())
    wrong = _read(tail)  # of a run in a bucket the age of what was read last is the sign of life
    live = alive() if alive is not None else tail.source.is_live()
    wrong = wrong or _read(tail)  # what was written before its end is now in it
    live = live and not wrong
    asked_at = tail.source.planned_at if tail.source.directory is None else 0.0
    life = Life(died=not live, why=wrong or GONE, asked_at=asked_at)
    deadline = clock.now() + patience
    while True:
        now = clock.now()
        due = publisher.due(tail.state, now=now, life=life)
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
            life=life,
        )


def _read(tail: Tail) -> str:
    """Why what is in a bucket can be read no further, "": it can be."""
    try:
        tail.poll()
    except LogError as error:
        if tail.source.directory is not None:
            raise
        return f"{UNREADABLE}: {sentence(error, hint=False)}"
    return ""
