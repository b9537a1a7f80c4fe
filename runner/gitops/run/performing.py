"""Runs, from orders to results on the forge: agents do the jobs, this process follows and publishes."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from runner.agent.order import Order
from runner.driving import INTERRUPTING
from runner.gitops.context import Context
from runner.gitops.run import child as children
from runner.gitops.run.child import Child
from runner.gitops.run.requests import Requests
from runner.gitops.run.sharing import Sharing
from runner.model import Plan
from runner.ports import Clock, CodeHost
from runner.publish.follow import follow
from runner.publish.target import Target
from runner.publish.watched import Followed, Watched
from runner.runs.source import Where, is_there, source_of
from runner.state import RunState

if TYPE_CHECKING:
    from runner.gitops.run.tending import Begin, Tended
    from runner.machines.site import Site

CLOUDS = frozenset({"ec2"})
"""Providers whose machines are launched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One run to be carried out, and where it is shown.

    By an agent here (`order`), or by a machine of the cloud (`begin`); without either it is over, and shown
    once more. `expected`, `before`: see `publish.follow.Watched`.
    """

    run_id: str
    source: str
    where: Where
    target: Target
    order: Order | None = None
    begin: Begin | None = field(default=None, repr=False)
    expected: float | None = None
    before: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """How one went. `trouble` says why there is no run, `stopped` why one that there is did not go on; both
    are words of its agent. `may_pass`: the trouble is not for ever, and it may be started later.
    """

    start: Start
    followed: Followed
    trouble: str = ""
    stopped: str = ""
    may_pass: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What performing needs: who calls, the forge, a clock, and ways to wait and to say something.

    `settling`: seconds that a forge may need to know the pull request of a push. `site`: where machines of
    the cloud come from, None for a stage that runs its jobs here; each leaves to the other what is not its
    own. `until` (seconds since the epoch): when another follower takes over.
    """

    context: Context
    forge: CodeHost
    clock: Clock
    sleep: Callable[[float], None] = time.sleep
    notice: Callable[[str], None] = lambda _: None
    patience: float = 600.0
    settling: float = 0.0
    site: Site | None = None
    until: float = math.inf

    def takes(self, plan: Plan | None) -> bool:
        """Whether runs of this plan are for this stage. What cannot run is for the one without a cloud."""
        in_cloud = plan is not None and plan.queue.machine.provider in CLOUDS
        return in_cloud == (self.site is not None)


def perform(starts: Sequence[Start], stage: Stage) -> list[Performed]:
    """Carry out all, side by side. Returns when each is over and shown, or could not be shown in time."""
    environ = children.environment(stage.context.environ, stage.context.environ.get("GITHUB_TOKEN", ""))
    scratch = stage.context.checkout / ".runner" / "agents"
    at_work: dict[str, Child] = {}
    try:
        tended = _begun(starts, stage)
        for start in starts:
            if start.order is not None:
                at_work[start.run_id] = children.start(start.order, environ, scratch)
        shown = [start for start in starts if not _trouble(start, tended)]
        watched = [_watched(start, at_work.get(start.run_id), tended.get(start.run_id)) for start in shown]
        with _interrupting(list(at_work.values())):
            followed = follow(
                watched,
                stage.forge,
                clock=stage.clock,
                sleep=stage.sleep,
                patience=stage.patience,
                until=stage.until,
                on_poll=_each_look(stage),
                notice=stage.notice,
            )
        for start, one in zip(shown, followed, strict=True):
            if start.run_id in tended:
                tended[start.run_id].settled(published=one.published)
        known = {start.run_id: one for start, one in zip(shown, followed, strict=True)}
        return [_performed(start, known, at_work.get(start.run_id), tended) for start in starts]
    finally:
        for agent in at_work.values():
            agent.close()


def _begun(starts: Sequence[Start], stage: Stage) -> Mapping[str, Tended]:
    """Those that are for machines of the cloud, by their ids."""
    if stage.site is None:
        return {}
    # Imported here: the SDK takes longer to load than a run without it to begin.
    from runner.gitops.run.tending import begun  # noqa: PLC0415

    return begun([start for start in starts if start.begin is not None], stage.site, stage.notice)


def _each_look(stage: Stage) -> Callable[[Watched, RunState], None]:
    cancelling, sharing = _cancelling(stage), Sharing(stage.context, stage.forge)

    def look(watched: Watched, state: RunState) -> None:
        sharing.look(stage.clock.now())
        cancelling(watched, state)

    return look


def _cancelling(stage: Stage) -> Callable[[Watched, RunState], None]:
    """Looks, for each run, whether somebody asked in its pull request to cancel it."""
    asked: dict[str, Requests] = {}

    def look(watched: Watched, state: RunState) -> None:
        requests = asked.setdefault(str(watched.where), Requests(stage.context.run_id))
        now = stage.clock.now()
        for request in requests.poll(stage.forge, watched.target.pull, watched.where, state, now):
            stage.notice(f"{state.run_id} is cancelled by {request.by or 'somebody'}")

    return look


def _watched(start: Start, agent: Child | None, tended: Tended | None) -> Watched:
    source = source_of(start.where)
    if tended is not None:
        return Watched(
            where=source,
            target=start.target,
            alive=tended.alive,
            waiting=tended.waiting,
            claims=tended.claims,
            expected=start.expected,
            before=start.before,
        )

    def alive() -> bool:
        """Ours works on it, or whoever did before still ends it."""
        return (agent is not None and agent.alive()) or source.is_live()

    return Watched(
        where=source,
        target=start.target,
        alive=alive,
        expected=start.expected,
        before=start.before,
    )


def _trouble(start: Start, tended: Mapping[str, Tended]) -> str:
    return tended[start.run_id].trouble if start.run_id in tended else ""


def _performed(
    start: Start, shown: Mapping[str, Followed], agent: Child | None, tended: Mapping[str, Tended]
) -> Performed:
    trouble = _trouble(start, tended)
    if trouble:
        nothing = Followed(run_id=start.run_id, outcome=None, published=True)
        may_pass = tended[start.run_id].may_pass
        return Performed(start=start, followed=nothing, trouble=trouble, may_pass=may_pass)
    done = Performed(start=start, followed=shown[start.run_id])
    if agent is None:
        return done
    if not is_there(start.where):
        return replace(done, trouble=agent.said() or "the agent ended before it began")
    return replace(done, stopped=agent.said()) if agent.gave_up() else done


@contextlib.contextmanager
def _interrupting(agents: Sequence[Child]) -> Iterator[None]:
    """A workflow that is cancelled ends the attempts; the runs stay resumable, and that is shown.

    Where no attempts are here, a signal ends the process as any other: runs in the cloud go on by themselves.
    """

    def interrupt(_number: int, _frame: object) -> None:
        for agent in agents:
            agent.interrupt()

    before = {}
    if agents and threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, interrupt) for number in INTERRUPTING}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
