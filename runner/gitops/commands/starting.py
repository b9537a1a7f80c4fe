"""What a command in a comment may start: a run once more, or what a merge held back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from runner.agent.order import Order
from runner.config import Config
from runner.errors import NotFoundError, RefusedError
from runner.gitops.artifacts import kept
from runner.gitops.commands.asked import Answer, Asked
from runner.gitops.commands.port import Carried, Place
from runner.gitops.merge.agreement import Candidate, digest_of
from runner.gitops.merge.due import Decision, Due
from runner.gitops.merge.merging import own, planned
from runner.gitops.merge.sorting import sort
from runner.gitops.merge.starting import starts
from runner.gitops.repository import history
from runner.gitops.repository.configured import config_at
from runner.gitops.repository.worktree import checked_out
from runner.gitops.run.performing import Performed, Stage, Start, perform
from runner.gitops.run.targets import target_of
from runner.ports import PullRequest
from runner.prepare.discovery import is_queue_file
from runner.publish.refusal import is_refusal
from runner.report.reply_headline import outcome_headline
from runner.report.wording import run_said
from runner.runs.reading import read, read_plan

_MOST = 500
"""Queue files of one commit that are planned to find those that were held back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The port that commands ask, see `commands.performing`."""

    stage: Stage

    def again(
        self, kind: str, directory: Path, run_id: str, job_ids: Sequence[str], target: Place
    ) -> Carried:
        stage, plan = self.stage, read_plan(directory)
        config = config_at(stage.context.checkout, stage.context.sha)
        with checked_out(stage.context.checkout, target.commit) as folder:
            shown = target_of(target.commit, None, config, stage)
            start = Start(
                run_id=run_id,
                source=plan.source,
                where=directory,
                target=replace(shown, head=target.head, pull=target.pull),
                order=Order(
                    action=kind,
                    run_id=run_id,
                    directory=directory,
                    checkout=folder,
                    job_ids=tuple(job_ids),
                    restore=True,
                ),
            )
            return carried(kind, perform([start], stage))

    @property
    def reaches_cloud(self) -> bool:
        return self.stage.site is not None

    def in_cloud(self, asked: Asked) -> Answer | None:  # noqa: ARG002  the port's signature
        """What is in the cloud is for another process."""
        return None

    def refused(self, pull: PullRequest, digest: str) -> Carried:
        """The policy is the default branch's, as for every command."""
        stage = self.stage
        config = config_at(stage.context.checkout, stage.context.sha)
        with ExitStack() as stack:
            decision = Decision(due=_all_at(pull, config, stage))
            held = _held_back(pull, planned(decision, config, stage, stack), stage)
            chosen = _with_digest(held, digest, pull)
            sorted_out = own(sort(chosen, config.gitops, {}, by_hand=True), stage)
            if sorted_out.refused:
                raise RefusedError(sorted_out.refused[0].sentence)
            return carried("run", perform(starts(sorted_out.runs, config, stage), stage))


def _all_at(pull: PullRequest, config: Config, stage: Stage) -> tuple[Due, ...]:
    """Every queue file that the merge has: which of them were held back their statuses say."""
    entries = history.listed(stage.context.checkout, pull.merge_commit)
    sources = [entry.path for entry in entries if entry.is_file and is_queue_file(entry.path, config)]
    return tuple(Due(source=source, commit=pull.merge_commit, pull=pull) for source in sources[:_MOST])


def _held_back(pull: PullRequest, candidates: Sequence[Candidate], stage: Stage) -> list[Candidate]:
    shown = kept.shown_on(stage.forge, stage.context, [pull.merge_commit])
    held = {one.queue_id for one in shown if is_refusal(one.status)}
    return [candidate for candidate in candidates if candidate.planned.queue_id in held]


def _with_digest(held: Sequence[Candidate], digest: str, pull: PullRequest) -> list[Candidate]:
    """All that were held back, if that is their digest together, or the ones that have it alone."""
    if not held:
        raise NotFoundError(f"nothing of #{pull.number} was held back", hint="/runner status shows its runs")
    if digest_of(held) == digest:
        return list(held)
    alone = [one for one in held if one.planned.plan is not None and one.planned.plan.digest == digest]
    if not alone:
        raise RefusedError(
            f"the digest is not that of what would run, which is {digest_of(held) or 'broken'}",
            hint="read the plan, then copy its digest",
        )
    return alone


def carried(kind: str, performed: Sequence[Performed]) -> Carried:
    if not performed:
        return Carried(ok=False, said=("There is nothing left to run: it is over, or runs elsewhere.",))
    said = [_sentence(one) for one in performed]
    if any(one.trouble or one.stopped for one in performed):
        return Carried(ok=False, said=tuple(said))
    if any(one.followed.handed_over for one in performed):
        return Carried(ok=True, headline="⏳ Goes on", said=tuple(said))
    states = [read(one.start.where)[1] for one in performed]
    return Carried(ok=True, headline=outcome_headline(kind, states), said=tuple(said))


def _sentence(one: Performed) -> str:
    if one.trouble:
        return f"{one.start.run_id} did not begin: {one.trouble}"
    if one.stopped:
        return f"{one.start.run_id} did not go on: {one.stopped}"
    if one.followed.handed_over:  # what its log says may be of before
        return f"{one.start.run_id} goes on, and is followed further: its comments and statuses show it"
    shown = "" if one.followed.published else " (not all of it could be shown yet)"
    return f"{one.start.run_id} {run_said(read(one.start.where)[1])}{shown}"
