"""The one workflow that reaches into the cloud: launches what was merged, follows it, looks after the rest.

Push → launch and follow. Schedule → a pass over all that is open. By hand or by another workflow of ours
(`workflow_dispatch`): one queue, a command that somebody commented, or a follower that takes over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runner.config import Config
from runner.errors import OPERATIONAL, SUCCEEDED, ForgeError, NotFoundError, RunnerError, UsageError
from runner.gitops.cloud.commanding import answer
from runner.gitops.merge.merging import merge
from runner.gitops.merge.on_machine import in_cloud, target_again
from runner.gitops.payload import DispatchEvent, Happened, PushEvent, ScheduleEvent
from runner.gitops.reconcile import telling
from runner.gitops.reconcile.reconciling import reconcile
from runner.gitops.repository.configured import config_at
from runner.gitops.run.performing import Performed, Stage, Start, perform
from runner.gitops.run.targets import target_of
from runner.gitops.run.tending import Tended
from runner.gitops.workflow_files import CLOUD, file_of
from runner.machines.advancing import advance, look_at
from runner.machines.caring import forget
from runner.machines.live import Live, marked
from runner.machines.reaping import reap
from runner.machines.site import Site
from runner.machines.standing import ENDED
from runner.publish.publisher import Publisher
from runner.publish.settle import settle
from runner.report.wording import counted

FOLLOW, COMMENT, QUEUE = "follow", "comment", "queue"
"""Inputs of a dispatch: `true`, the id of a comment, a queue file."""
_FOLLOWS = (FOLLOW, COMMENT, QUEUE)
_SHOWING = 300.0
"""Seconds that a pass takes at most to show one run."""


def cloud(happened: Happened, stage: Stage, site: Site) -> int:
    """Exit code 0 once everything is shown, or left to a follower; 4 where something is not."""
    stage = replace(stage, site=site)
    done = _done(happened, stage, site)
    if _looks_only(happened) or stage.clock.now() >= stage.until:
        return max(done, _hand_over(stage, site))
    return done


def _looks_only(happened: Happened) -> bool:
    """A follower that ends before its time has a reason to, and its successor would have it too."""
    return isinstance(happened, ScheduleEvent) or (
        isinstance(happened, DispatchEvent) and not any(happened.inputs.get(one) for one in _FOLLOWS)
    )


def _done(happened: Happened, stage: Stage, site: Site) -> int:
    if isinstance(happened, PushEvent):
        return merge(happened, stage)
    if isinstance(happened, ScheduleEvent):
        return look_after(stage, site)
    if not isinstance(happened, DispatchEvent):
        raise UsageError("cloud is for push, schedule and workflow_dispatch", hint="see .github/workflows")
    asked = happened.inputs
    if asked.get(QUEUE):
        return merge(happened, stage)
    if asked.get(COMMENT):
        return answer(asked[COMMENT], stage, site)
    return follow_all(stage, site) if asked.get(FOLLOW) == "true" else look_after(stage, site)


def follow_all(stage: Stage, site: Site) -> int:
    """Every run that is open, until it is over and shown, or the time is up."""
    config = config_at(stage.context.checkout, stage.context.sha)
    starts = [again(live, config, stage, site) for live in marked(site) if live.commit]
    performed = perform(starts, stage)
    stage.context.summarize(telling.reconciled([], performed, stage.clock.now()))
    return _code(performed)


def look_after(stage: Stage, site: Site) -> int:
    """One pass: every open run a step further and shown as it stands, then merges and schedules that were
    missed, then machines that work for nobody."""
    config = config_at(stage.context.checkout, stage.context.sha)
    said, failed = [], False
    for live in marked(site):
        try:
            said += _looked_after(live, config, stage, site)
        except RunnerError as error:
            failed = True
            if isinstance(error, NotFoundError):
                forget(live, site)
            said.append(f"{live.run_id}: {error.message}")
    failed |= reconcile(replace(stage, until=stage.clock.now() + _SHOWING)) != SUCCEEDED
    try:
        said += [f"{one.instance.id} is ended: {one.why}" for one in reap(site)]
    except RunnerError as error:
        failed = True
        said.append(f"machines could not be looked at: {error.message}")
    for sentence in said:
        stage.notice(sentence)
    stage.context.summarize(telling.reconciled(said, [], stage.clock.now()))
    return OPERATIONAL if failed else SUCCEEDED


def _looked_after(live: Live, config: Config, stage: Stage, site: Site) -> list[str]:
    said: list[str] = []
    tended = Tended(run_id=live.run_id, site=site, notice=said.append)
    shown = True
    if live.commit:
        start = again(live, config, stage, site)
        publisher = Publisher(
            stage.forge, start.target, clock=stage.clock, notice=stage.notice, claims=tended.claims
        )
        shown = settle(
            publisher,
            start.where,
            clock=stage.clock,
            sleep=stage.sleep,
            patience=_SHOWING,
            alive=tended.alive,
            waiting=tended.waiting,
            notice=said.append,
        )
        said += [] if shown else [f"{live.run_id} could not be shown to its end"]
    else:
        tended.alive()
    tended.settled(published=shown)
    return said


def again(live: Live, config: Config, stage: Stage, site: Site) -> Start:
    """A run that was begun before, where it was shown from the first."""
    here = target_of(live.commit, None, config, stage)
    shown = target_again(live, replace(here, head=live.head, pull=live.pull))
    return in_cloud(live.run_id, live.source, shown, site, lambda place: advance(live.run_id, place))


def _hand_over(stage: Stage, site: Site) -> int:
    """Start a follower where runs go on and nobody follows them: this one's time is up, or it only looked.

    Not for a run that cannot be looked at: followers would start each other without end.
    """
    name = file_of(CLOUD, stage.context.checkout)
    try:
        left = [live for live in marked(site) if live.commit and _is_open(live, site)]
        if not left or not name or stage.forge.active(name) > 1:
            return SUCCEEDED
        stage.forge.dispatch(name, stage.forge.repository().default_branch, {FOLLOW: "true"})
    except ForgeError as error:
        stage.notice(f"no follower could be started: {error.message}; the next pass shows what happens")
        return OPERATIONAL
    stage.notice(f"{counted(len(left), 'run')} left to a follower of its own")
    return SUCCEEDED


def _is_open(live: Live, site: Site) -> bool:
    try:
        return look_at(live.run_id, site).standing not in ENDED
    except RunnerError:
        return False


def _code(performed: Sequence[Performed]) -> int:
    shown = all(one.followed.published or one.followed.handed_over for one in performed)
    return SUCCEEDED if shown else OPERATIONAL
