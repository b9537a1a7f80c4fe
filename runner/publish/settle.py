"""Publishes a run as its files say now: what a follower missed, or a run that was kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

from runner.errors import LogError, NotFoundError, RunnerError
from runner.ports import Clock
from runner.publish.asking import at_once, sentence
from runner.publish.gathering import Gathering
from runner.publish.publisher import Publisher
from runner.publish.standing import GONE, UNHEARD, Life, is_awaited
from runner.publish.wanted import Rank
from runner.report.machines import UNREADABLE
from runner.runs import files
from runner.runs.reading import SKEW, Tail
from runner.runs.source import Where, source_of
from runner.state import RunPhase

_PAUSE = 1.0


def settle(
    publisher: Publisher,
    where: Where,
    *,
    clock: Clock,
    sleep: Callable[[float], None] = time.sleep,
    patience: float = 600.0,
    alive: Callable[[], bool] | None = None,
    waiting: Callable[[], str] = lambda: "",
    notice: Callable[[str], None] = lambda _: None,
) -> bool:
    """Whether all of it is on the forge, after `patience` seconds at most.

    A run that nobody works on and whose log has no end is shown as interrupted; `alive` knows better than its
    files whether somebody does; where it cannot tell, a log without an end is of a run that goes on.
    `waiting` as in Watched, asked after that. Of a log in a bucket is shown what can be read, without what
    its jobs left where that cannot be: `notice` is told. Raises RunnerError subclasses where there is no run
    that can be read.
    """
    tail = Tail(source_of(where).again())
    asked = alive and partial(_lives, alive, tail, notice)
    life = _looked(tail, clock, asked, waiting)
    gathering = Gathering(partial(files.evidence, tail.source, tail.state), ask=at_once, notice=notice)
    deadline = clock.now() + patience
    while True:
        now = clock.now()
        due = publisher.due(tail.state, now=now, life=life)
        at = publisher.next_write() if due.rank is not None else due.later
        if at == math.inf or (not life.died and due.rank is None):
            return not publisher.has_lost
        if at > deadline:
            return False
        if due.rank is Rank.FINAL and not gathering.is_done(now):
            sleep(_PAUSE)
            continue
        now = clock.now()  # later than before the forge was asked, which also looks at a clock
        if at > now:
            sleep(at - now)
        else:
            publisher.step(tail.plan, tail.state, evidence=gathering.evidence, now=now, life=life)


def _looked(tail: Tail, clock: Clock, alive: Callable[[], bool] | None, waiting: Callable[[], str]) -> Life:
    """Reads the log, and whether somebody works on the run."""
    wrong = _read(tail, clock)  # of a run in a bucket the age of what was read last is the sign of life
    live = alive() if alive is not None else tail.source.is_live()
    wrong = wrong or _read(tail, clock)  # what was written before its end is now in it
    live = live and not wrong
    return _life(tail, waiting() if live else "", live=live, wrong=wrong)


def _lives(alive: Callable[[], bool], tail: Tail, notice: Callable[[str], None]) -> bool:
    try:
        return alive()
    except NotFoundError:
        raise
    except RunnerError as error:
        notice(sentence(error, hint=True))
        return tail.state.phase is not RunPhase.FINISHED


def _life(tail: Tail, words: str, *, live: bool, wrong: str) -> Life:
    if tail.source.directory is not None:
        return Life(died=not live)
    waiting = words or (UNHEARD if live and is_awaited(tail.state) else "")
    return Life(died=not live, why=wrong or GONE, waiting=waiting, asked_at=tail.source.planned_at)


def _read(tail: Tail, clock: Clock) -> str:
    """Why what is in a bucket can be read no further, "": it can be."""
    in_bucket = tail.source.directory is None
    try:
        tail.poll(latest=clock.now() + SKEW if in_bucket else math.inf)
    except LogError as error:
        if not in_bucket:
            raise
        return f"{UNREADABLE}: {sentence(error, hint=False)}"
    return ""
