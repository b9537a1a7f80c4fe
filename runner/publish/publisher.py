"""Carries out what is wanted, one write at a time, and bears with a forge that has its moods."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from runner.errors import (
    ForgeBusyError,
    ForgeError,
    ForgeNotFoundError,
    ForgeRefusedError,
    ForgeUnsureError,
)
from runner.model import Plan
from runner.ports import Clock, Status
from runner.publish.allowance import Allowance
from runner.publish.asking import Ask, at_once
from runner.publish.bodies import Bodies
from runner.publish.claiming import Claiming, Claims
from runner.publish.known import COMMENTS, Known, Stage
from runner.publish.standing import LIVES, Life, as_it_stands
from runner.publish.target import Target
from runner.publish.trouble import Trouble
from runner.publish.wanted import (
    Minimize,
    Rank,
    Say,
    SetStatus,
    Wanted,
    Write,
    wanted,
)
from runner.report.evidence import Evidence
from runner.report.grouping import Group, groups
from runner.state import RunState

POST, EDIT = "post comments", "edit comments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What there is to do: the rank of the most urgent write that may go now, if any, and when to look again.

    Both None and infinity: nothing, unless the run says more.
    """

    rank: Rank | None = None
    later: float = math.inf


class Publisher:
    """One run on one forge. No method raises ForgeError; `notice` is told what is given up, each once.

    `allowance`: that of the whole process, where there are several publishers. `claims`: who else may publish
    the same run at the same time has them too; `ask` is how they are asked for.
    """

    def __init__(
        self,
        forge: Stage,
        target: Target,
        *,
        clock: Clock,
        notice: Callable[[str], None] = lambda _: None,
        allowance: Allowance | None = None,
        claims: Claims | None = None,
        ask: Ask = at_once,
    ) -> None:
        self._forge = forge
        self._target = target
        self._clock = clock
        self._trouble = Trouble(notice)
        self._known = Known(forge, target, clock=clock, trouble=self._trouble)
        self._allowance = allowance or Allowance()
        self._claiming = Claiming(
            claims, clock=clock, ask=ask, notice=notice, heard=self._known.doubt_comments
        )
        self._grouped: Sequence[Group] | None = None
        self._cached: tuple[tuple[int, Life, int], Wanted] | None = None

    @property
    def has_lost(self) -> bool:
        """Whether something was given up that should be on the forge."""
        return self._trouble.has_lost

    def next_write(self) -> float:
        """When the forge takes a write, seconds since the epoch."""
        return self._forge.next_write()

    def look(self, now: float) -> None:
        """Read what is not known of the forge, where it is time to. Costs no write."""
        if self._trouble.busy_until > now or self._known.next_look > now:
            return
        try:
            self._known.look()
        except ForgeBusyError as error:
            self._trouble.busy(error)

    def due(self, state: RunState, *, now: float, life: Life = LIVES) -> Due:
        """Asks nothing of the forge."""
        busy, look = self._trouble.busy_until, self._known.next_look
        if busy > now:
            return Due(later=busy)
        if look <= now:
            return Due(rank=Rank.TERMINAL)
        found = self._wanted(state, now, life)
        waits = [(self._may_go(write), write.rank) for write in found.writes]
        rank = next((rank for until, rank in waits if until <= now), None)
        return Due(rank=rank, later=min([look, found.later, *(until for until, _ in waits if until > now)]))

    def step(
        self,
        plan: Plan,
        state: RunState,
        *,
        evidence: Callable[[], Evidence],
        now: float,
        life: Life = LIVES,
        expected: float | None = None,
        before: Mapping[str, float] | None = None,
    ) -> bool:
        """Carry out the most urgent write that is due, at most one. False where nothing is."""
        self.look(now)
        if self.due(state, now=now, life=life).rank is None:
            return False
        try:
            write = self._next(state, now, life)
            if write is None:
                return False
            if isinstance(write, Say) and write.comment is None and not self._known.is_fresh:
                self._known.read_comments()  # whether to post is then decided anew
                return True
            bodies = Bodies(
                plan=plan,
                state=state,
                evidence=evidence,
                now=now,
                life=life,
                links=self._target.links,
                expected=expected,
                before=before,
            )
            self._carry_out(write, bodies)
        except ForgeBusyError as error:
            self._trouble.busy(error)
        return True

    def _next(self, state: RunState, now: float, life: Life) -> Write | None:
        return next((one for one in self._wanted(state, now, life).writes if self._may_go(one) <= now), None)

    def _may_go(self, write: Write) -> float:
        """When, seconds since the epoch; infinity: it was given up."""
        at = self._trouble.wait(_keys(write))
        at = max(at, self._allowance.next) if write.rank >= Rank.LIVE else at
        if isinstance(write, Say) and write.comment is None and at <= self._clock.now():
            return max(at, self._claiming.may_go(self._claim(write)))
        return at

    def _claim(self, write: Say) -> str:
        return f"{self._target.pull}-{write.kind}"

    def _wanted(self, state: RunState, now: float, life: Life) -> Wanted:
        """Computed again only when the run, the forge or the time gives reason to."""
        key = (state.seq, life, self._known.version)
        if self._cached is None or self._cached[0] != key or now >= self._cached[1].later:
            shown = as_it_stands(state, life)
            if self._grouped is None and len(state.jobs) > self._target.status_jobs:
                self._grouped = groups(state.queue)
            found = wanted(
                shown, self._known.picture(), self._target, now, grouped=self._grouped, waiting=life.waiting
            )
            self._cached = (key, found)
        return self._cached[1]

    def _carry_out(self, write: Write, bodies: Bodies) -> None:
        if write.rank >= Rank.LIVE:
            self._allowance.take(self._clock.now())
        try:
            if isinstance(write, SetStatus):
                self._set(write)
            elif isinstance(write, Minimize):
                self._forge.minimize_comment(write.comment)
                self._known.has_comment(replace(write.comment, minimized=True))
            else:
                self._say(write, bodies)
        except ForgeBusyError:
            raise
        except ForgeError as error:
            self._failed(write, error)
        else:
            self._trouble.worked(_keys(write)[0])

    def _set(self, write: SetStatus) -> None:
        status = write.status
        made = Status(
            context=status.context, state=status.state, description=status.description, target=status.target
        )
        self._forge.set_status(write.commit, made)
        self._known.has_status(write.commit, status)

    def _say(self, write: Say, bodies: Bodies) -> None:
        body = bodies.of(write)
        if write.comment is not None:
            self._forge.edit_comment(write.comment, body)
            edited = replace(write.comment, body=body, edited_at=self._clock.now())
            self._known.has_comment(edited)
        else:
            with self._claiming.holding(self._claim(write)):
                made = self._forge.add_comment(self._target.pull, body)
            self._known.has_comment(made, new=True)

    def _failed(self, write: Write, error: ForgeError) -> None:
        narrow, *wide = _keys(write)
        if isinstance(error, ForgeRefusedError):
            self._trouble.give_up(wide[0] if wide else narrow, error)
            # Comments may be refused (a locked conversation); statuses never are, where all is well.
            self._trouble.has_lost |= isinstance(write, SetStatus)
            return
        if isinstance(error, ForgeNotFoundError | ForgeUnsureError):
            self._doubt(write)
        self._trouble.failed(
            narrow,
            error,
            self._clock.now(),
            for_ever=write.rank is Rank.LIVE,
            matters=not isinstance(write, Minimize),
        )

    def _doubt(self, write: Write) -> None:
        """Somebody deleted it, or it may have been carried out: look before it is tried again."""
        if isinstance(write, SetStatus):
            self._known.doubt_statuses(write.commit)
        else:
            self._known.doubt_comments()


def _keys(write: Write) -> tuple[Hashable, ...]:
    """By what troubles are remembered: this very write, then all that are like it."""
    if isinstance(write, SetStatus):
        return (write.commit, write.status), ("statuses", write.commit)
    if isinstance(write, Minimize):
        return (("minimize", write.comment.id),)
    if write.comment is None:
        return (write.kind, write.rank), POST, COMMENTS
    return (write.kind, write.rank), EDIT
