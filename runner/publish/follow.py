"""Follows runs wherever they are and publishes them side by side, all with the one write budget.

Nothing waits inside the forge while there is something to be read: before each write the runs are folded
anew, so that what goes out is always the most urgent thing that is known.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from runner.ports import Clock, CodeHost
from runner.publish.allowance import Allowance
from runner.publish.asking import Ask, in_background
from runner.publish.gathering import Gathering
from runner.publish.look import Look
from runner.publish.publisher import Due, Publisher
from runner.publish.wanted import Rank
from runner.publish.watched import Followed, Watched
from runner.report.evidence import Evidence
from runner.runs import files
from runner.runs.source import source_of
from runner.state import RunState

POLL = 0.2
"""Seconds between two looks at what is there."""
PATIENCE = 600.0
"""Seconds after the end of the last run in which it must be published, or is left to reconcile."""


class _Run:
    """One run: its log as far as it was read, and what was published of it."""

    def __init__(self, look: Look, publisher: Publisher, ask: Ask, notice: Callable[[str], None]) -> None:
        self.looked = look
        self.watched = look.watched
        self.publisher = publisher
        self._gathering = Gathering(self._evidence, ask=ask, notice=notice)

    def _evidence(self) -> Evidence:
        tail = self.looked.tail
        assert tail is not None  # noqa: S101  nothing is told before it is there
        return files.evidence(tail.source, tail.state)

    def learn(self, now: float) -> None:
        if not self.looked.holds:
            self.publisher.look(now)

    def due(self, now: float) -> Due:
        state = self.looked.state
        if state is None or self.looked.holds:
            return Due()
        found = self.publisher.due(state, now=now, life=self.looked.life)
        if found.rank is Rank.FINAL and not self.looked.is_here and not self._gathering.is_done(now):
            return Due(later=now + POLL)
        return found

    def step(self, now: float) -> None:
        tail = self.looked.tail
        assert tail is not None  # noqa: S101  nothing is due before it is there
        self.publisher.step(
            tail.plan,
            tail.state,
            evidence=self._gathering.evidence,
            now=now,
            life=self.looked.life,
            expected=self.watched.expected,
            before=self.watched.before,
        )

    def result(self, now: float, *, time_is_up: bool) -> Followed:
        state, looked = self.looked.state, self.looked
        settled = state is not None and looked.is_over and self.due(now) == Due()
        return Followed(
            run_id=state.run_id if state is not None else source_of(self.watched.where).run_id(),
            outcome=state.outcome if state is not None else None,
            published=settled and not looked.is_broken and not self.publisher.has_lost,
            handed_over=time_is_up and not settled,
            state=state,
        )


def follow(
    watched: Sequence[Watched],
    forge: CodeHost,
    *,
    clock: Clock,
    sleep: Callable[[float], None] = time.sleep,
    patience: float = PATIENCE,
    until: float = math.inf,
    on_poll: Callable[[Watched, RunState], None] = lambda _watched, _state: None,
    notice: Callable[[str], None] = lambda _: None,
    ask: Ask = in_background,
) -> list[Followed]:
    """Publish what is due until every run is over and published, or `patience` seconds after the last's end.

    A run is over when nobody runs it any more, whatever its log says. At `until` (seconds since the epoch)
    all is left to another follower. `ask` is how runs elsewhere are read. In the order of `watched`. Raises
    nothing that the forge, a store or a log may be the reason of: `notice` is told, `published` is False.
    """
    allowance = Allowance()

    def run(one: Watched) -> _Run:
        look = Look(one, ask=ask, notice=notice, patience=patience)
        publisher = Publisher(
            forge,
            one.target,
            clock=clock,
            notice=notice,
            allowance=allowance,
            claims=one.claims,
            ask=ask,
        )
        return _Run(look, publisher, ask, notice)

    runs = [run(one) for one in watched]
    deadline = math.inf
    while True:
        for one in runs:
            one.looked.look(clock.now())
            if one.looked.state is not None:
                on_poll(one.watched, one.looked.state)
        if all(one.looked.is_over for one in runs):
            deadline = min(deadline, clock.now() + patience)
        time_is_up = clock.now() >= until
        pause = None if time_is_up else _advance(runs, forge, clock, deadline)
        if pause is None:
            return [one.result(clock.now(), time_is_up=time_is_up) for one in runs]
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
    are_over = all(run.looked.is_over for run in runs)
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
