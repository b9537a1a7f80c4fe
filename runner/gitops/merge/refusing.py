"""Saying, where the run would have been shown, that it does not start and why."""

from __future__ import annotations

from runner.config import Config
from runner.gitops.merge.agreement import Candidate
from runner.gitops.merge.sorting import Refusal
from runner.gitops.run.performing import Stage
from runner.gitops.run.targets import target_of
from runner.publish import refusal as refusals
from runner.report.comment_refused import compared_lines
from runner.report.escaping import code


def refuse(refusal: Refusal, config: Config, stage: Stage) -> None:
    """A status on the commit and on the head, and a comment. Raises ForgeError."""
    candidate = refusal.candidate
    stage.notice(f"{candidate.planned.source} is not started: {refusal.sentence}")
    refusals.refuse(
        stage.forge,
        target_of(candidate.due.commit, candidate.due.pull, config, stage),
        candidate.planned.queue_id,
        refusal.sentence,
        refusal_lines(refusal),
        command=refusal.command,
    )


def put_off(candidate: Candidate, why: str, config: Config, stage: Stage) -> None:
    """A status on the commit and on the head: a pass starts it. Raises ForgeError."""
    stage.notice(f"{candidate.planned.source} is left to the next pass: {why}")
    target = target_of(candidate.due.commit, candidate.due.pull, config, stage)
    refusals.put_off(stage.forge, target, candidate.planned.queue_id, why)


def refusal_lines(refusal: Refusal) -> list[str]:
    """What is said below the sentence, in Markdown."""
    compared = compared_lines(refusal.compared) if refusal.compared is not None else ()
    return [*(code(line, limit=500) for line in refusal.details), *compared]
