"""Follows runs in their directories and publishes them side by side, all with the one write budget.

Nothing waits inside the forge while there is something to be read: before each write the runs are folded
anew, so that what goes out is always the most urgent thing that is known.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from runner.errors import NotFoundError, RunnerError
from runner.model import Outcome
from runner.ports import Clock, CodeHost
from runner.publish.allowance import Allowance
from runner.publish.publisher import Due, Publisher
from runner.publish.target import Target
from runner.publish.wanted import OVER
from runner.report.evidence import Evidence
from runner.runs import files
from runner.runs.reading import Tail
from runner.runs.source import Where, source_of
from runner.state import RunState

POLL = 0.2
"""Seconds between two looks at the logs."""
PATIENCE = 600.0
"""Seconds after the end of the last run in which it must be published, or is left to reconcile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A run that may not exist yet. `alive`: whether the process that runs it lives.

    `expected` and `before`: seconds that an earlier run took, and each of its jobs, where that is known.
    """

    where: Where
    target: Target
    alive: Callable[[], bool]
    expected: float | None = None
    before: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What became of a run. `outcome` is None where it has not finished (interrupted, died, never begun).

    `published`: all of it is on the forge. `state` is what was read last.
    """

    run_id: str
    outcome: Outcome | None
    published: bool
    state: RunState | None = field(default=None, repr=False)


class _Run:
    """One run: its log as far as it was read, and what was published of it."""

    def __init__(self, watched: Watched, publisher: Publisher, notice: Callable[[str], None]) -> None:
        self.watched = watched
        self.publisher = publisher
        self._notice = notice
        self._tail: Tail | None = None
        self._first = -1
        self._alive = True
        self._broken = False

    @property
    def state(self) -> RunState | None:
        return self._tail.state if self._tail is not None else None

    @property
    def is_over(self) -> bool:
        """Nobody will add to its log."""
        return self._broken or not self._alive

    def look(self) -> None:
        """Read what is new."""
        if self.is_over:
            return
        alive = self.watched.alive()  # asked first: what it wrote before its end is read below
        try:
            self._read()
        except RunnerError as error:
            self._broken = True
            self._notice(error.message)
        self._alive = alive

    def _read(self) -> None:
        if self._tail is None:
            try:
                self._tail = Tail(self.watched.where)
            except NotFoundError:
                return
            self._tail.poll()
            self._first = self._tail.state.seq
        else:
            self._tail.poll()

    def learn(self, now: float) -> None:
        if self.state is not None and not self._holds(self.state):
            self.publisher.look(now)

    def due(self, now: float) -> Due:
        state = self.state
        if state is None or self._holds(state):
            return Due()
        return self.publisher.due(state, now=now, died=self.is_over)

    def _holds(self, state: RunState) -> bool:
        """Whether a living process is about to take up again what looks over: no news for anybody."""
        return self._alive and state.phase in OVER and state.seq == self._first

    def step(self, now: float) -> None:
        assert self._tail is not None  # noqa: S101  nothing is due before it is there
        self.publisher.step(
            self._tail.plan, self._tail.state, evidence=self._evidence, now=now, died=self.is_over
        )

    def _evidence(self) -> Evidence:
        assert self._tail is not None  # noqa: S101
        return files.evidence(self.watched.where, self._tail.state)

    def result(self, now: float) -> Followed:
        state, due = self.state, self.due(now)
        settled = state is not None and self.is_over and due == Due()
        return Followed(
            run_id=state.run_id if state is not None else source_of(self.watched.where).run_id(),
            outcome=state.outcome if state is not None else None,
            published=settled and not self._broken and not self.publisher.has_lost,
            state=state,
        )


def follow(
    watched: Sequence[Watched],
    forge: CodeHost,
    *,
    clock: Clock,
    sleep: Callable[[float], None] = time.sleep,
    patience: float = PATIENCE,
    on_poll: Callable[[Watched, RunState], None] = lambda _watched, _state: None,
    notice: Callable[[str], None] = lambda _: None,
) -> list[Followed]:
    """Publish what is due until every run is over and published, or `patience` seconds after the last's end.

    A run is over when its process has ended, whatever its log says. In the order of `watched`. Raises nothing
    that the forge or a log may be the reason of: `notice` is told, and `published` is False.
    """
    allowance = Allowance()

    def publisher(target: Target) -> Publisher:
        return Publisher(forge, target, clock=clock, notice=notice, allowance=allowance)

    runs = [_Run(one, publisher(one.target), notice) for one in watched]
    deadline = math.inf
    while True:
        for run in runs:
            run.look()
            if run.state is not None:
                on_poll(run.watched, run.state)
        if all(run.is_over for run in runs):
            deadline = min(deadline, clock.now() + patience)
        pause = _advance(runs, forge, clock, deadline)
        if pause is None:
            return [run.result(clock.now()) for run in runs]
        if pause > 0:
            sleep(pause)


def _advance(runs: Sequence[_Run], forge: CodeHost, clock: Clock, deadline: float) -> float | None:
    """One write, if one may go. Seconds until the next look; None: there is nothing left to wait for."""
    now = clock.now()
    if now > deadline:
        return None
    for run in runs:
        run.learn(now)
    may_go = forge.next_write()
    are_over = all(run.is_over for run in runs)
    if may_go > now and not are_over:
        return min(POLL, may_go - now)  # by then there is more to choose from
    due = [run.due(now) for run in runs]
    ready = [(found.rank, number) for number, found in enumerate(due) if found.rank is not None]
    if ready and may_go <= now:
        runs[min(ready)[1]].step(now)
        return 0.0
    if not ready:
        may_go = min((found.later for found in due), default=math.inf)
    if are_over and (may_go == math.inf or may_go > deadline):
        return None
    return min(POLL, may_go - now) if may_go > now else POLL
