"""A push to the default branch: its queues are planned again, compared with their review, run and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from runner.config import Config
from runner.errors import OPERATIONAL, SUCCEEDED, RefusedError, UsageError
from runner.gitops.merge import telling
from runner.gitops.merge.agreement import Candidate
from runner.gitops.merge.due import Decision, due_by_hand, due_on_push
from runner.gitops.merge.planned import AtCommit, plan_file
from runner.gitops.merge.refusing import put_off, refuse
from runner.gitops.merge.sorting import Refusal, Sorted, sort
from runner.gitops.merge.starting import starts
from runner.gitops.payload import DispatchEvent, Happened, PushEvent
from runner.gitops.plan.digests import reviewed
from runner.gitops.repository import history
from runner.gitops.repository.configured import config_at
from runner.gitops.repository.worktree import checked_out
from runner.gitops.run.performing import Performed, Stage, perform
from runner.gitops.workflow_files import CLOUD, file_of
from runner.model import Git

_LOOKS = 2
_ELSEWHERE = "is for a machine of the cloud: the workflow `runner cloud` launches it, by hand too"
_NOT_BEGUN = ("when that is put right, run this workflow run again: it begins then",)
_NO_LAUNCHER = "it needs a machine of the cloud, and no workflow here launches one: `runner init` writes it"


def merge(happened: Happened, stage: Stage) -> int:
    """Exit code 0 once everything is shown, whatever the jobs did; 4 where something could not be shown."""
    decision, config = _decided(happened, stage)
    for note in decision.notes:
        stage.notice(note)
    if not decision.due:
        because = decision.nothing_because or "no queue file changed"
        stage.notice(f"nothing runs: {because}")
        stage.context.summarize(telling.nothing(because))
        return SUCCEEDED
    return carry_out(decision, config, stage, by_hand=isinstance(happened, DispatchEvent))


def carry_out(decision: Decision, config: Config, stage: Stage, *, by_hand: bool) -> int:
    """Plan what is due at its commits, and do with each file what is to be done."""
    with ExitStack() as stack:
        candidates = planned(decision, config, stage, stack)
        sorted_out = own(
            sort(candidates, config.gitops, _reviewed(candidates, stage), by_hand=by_hand), stage
        )
        for refusal in sorted_out.refused:
            refuse(refusal, config, stage)
        return run(sorted_out, config, stage)


def own(sorted_out: Sorted, stage: Stage) -> Sorted:
    """Sorted together, as they were reviewed; but each stage does only what is for its machines."""
    if stage.site is None and not file_of(CLOUD, stage.context.checkout):
        elsewhere = [one for one in sorted_out.runs if not stage.takes(one.planned.plan)]
        runs = tuple(one for one in sorted_out.runs if one not in elsewhere)
        unlaunched = tuple(Refusal(candidate=one, sentence=_NO_LAUNCHER) for one in elsewhere)
        return replace(sorted_out, runs=runs, refused=(*sorted_out.refused, *unlaunched))
    for one in sorted_out.runs if stage.site is None else ():
        if not stage.takes(one.planned.plan):
            stage.notice(f"{one.planned.source} {_ELSEWHERE}")
    return Sorted(
        runs=tuple(one for one in sorted_out.runs if stage.takes(one.planned.plan)),
        refused=tuple(one for one in sorted_out.refused if stage.takes(one.candidate.planned.plan)),
        waiting=tuple(one for one in sorted_out.waiting if stage.takes(one[0].planned.plan)),
    )


def run(sorted_out: Sorted, config: Config, stage: Stage) -> int:
    """Those that may run, to their end; then the summary of all."""
    for candidate, why in sorted_out.waiting:
        stage.notice(f"{candidate.planned.source} is not started: {why}")
    ready = starts(sorted_out.runs, config, stage)
    performed = perform(ready, stage)
    _refuse_those_that_never_began(performed, sorted_out, config, stage)
    stage.context.summarize(telling.merged(performed, sorted_out, stage.clock.now()))
    shown = all(one.followed.published or one.followed.handed_over for one in performed)
    return SUCCEEDED if shown else OPERATIONAL


def planned(decision: Decision, config: Config, stage: Stage, stack: ExitStack) -> list[Candidate]:
    """Each at its own commit, which stays checked out as long as `stack` is open."""
    branch = stage.forge.repository().default_branch
    found = []
    for due in decision.due:
        folder = stack.enter_context(checked_out(stage.context.checkout, due.commit))
        number = str(due.pull.number) if due.pull is not None else ""
        place = AtCommit(
            checkout=folder,
            git=Git(sha=due.commit, branch=branch, pr=number, actor=stage.context.actor),
            at=history.commit_time(stage.context.checkout, due.commit),
            config=config,
            params=due.params,
        )
        found.append(Candidate(due=due, planned=plan_file(due.source, place), folder=folder))
    return found


def _decided(happened: Happened, stage: Stage) -> tuple[Decision, Config]:
    """What is due, under the configuration that was in force before."""
    checkout, context = stage.context.checkout, stage.context
    if isinstance(happened, PushEvent):
        known = history.exists(checkout, happened.before)
        config = config_at(checkout, happened.before) if known else Config()
        return _due_on_push(happened, config, stage), config
    if isinstance(happened, DispatchEvent):
        branch = stage.forge.repository().default_branch
        if context.ref != f"refs/heads/{branch}":
            raise RefusedError(
                f"this was started on {context.ref}, and runs by hand take the default branch",
                hint=f"choose {branch} under `Use workflow from`",
            )
        config = config_at(checkout, context.sha)
        salt = f"by hand {context.run_id}" if context.run_id else f"by hand {stage.clock.now()}"
        return due_by_hand(happened, context.sha, checkout, config, salt=salt), config
    raise UsageError("merge is for push and workflow_dispatch", hint="see .github/workflows/merge.yaml")


def _due_on_push(event: PushEvent, config: Config, stage: Stage) -> Decision:
    """Asked again where a commit has no pull request yet: it must not pass for a direct push, unreviewed."""
    decision = due_on_push(event, stage.context.checkout, stage.forge, config)
    for _ in range(_LOOKS if stage.settling else 0):
        if all(due.pull is not None for due in decision.due):
            break
        stage.sleep(stage.settling)
        decision = due_on_push(event, stage.context.checkout, stage.forge, config)
    return decision


def _reviewed(candidates: Sequence[Candidate], stage: Stage) -> Mapping[int, str | None]:
    """What the plan of each pull request showed for the commit that was merged."""
    pulls = {c.due.pull.number: c.due.pull for c in candidates if c.due.pull is not None}
    if not pulls:
        return {}
    login = stage.forge.login()
    return {number: reviewed(stage.forge.statuses(pull.head_commit), login) for number, pull in pulls.items()}


def _refuse_those_that_never_began(
    performed: Sequence[Performed], sorted_out: Sorted, config: Config, stage: Stage
) -> None:
    by_source = {candidate.planned.source: candidate for candidate in sorted_out.runs}
    for one in performed:
        candidate = by_source[one.start.source]
        if one.may_pass and not candidate.due.salt:  # a pass would start that of the merge
            put_off(candidate, one.trouble, config, stage)
        elif one.trouble:
            stage.notice(f"{one.start.run_id} did not begin: {one.trouble}")
            refusal = Refusal(candidate=candidate, sentence=one.trouble, details=_NOT_BEGUN)
            refuse(refusal if one.start.begin else replace(refusal, details=()), config, stage)
        elif one.stopped:
            stage.notice(f"{one.start.run_id} did not go on: {one.stopped}")
