"""Which pull request a plan is of: found from the event and the forge, never from what the plan says."""

from __future__ import annotations

from collections.abc import Sequence

from runner.errors import ForgeNotFoundError
from runner.gitops.payload import WorkflowRunEvent
from runner.ports import CodeHost, PullRequest
from runner.report.escaping import code

_MOST = 20
"""Candidates that are looked at: a branch seldom has two pull requests."""


def pull_of_run(forge: CodeHost, happened: WorkflowRunEvent) -> PullRequest | str:
    """The open pull request whose head is the commit of this run, or a sentence that says why there is none.

    GitHub names the pull requests of a run, but none of a fork: those are found by owner and branch.
    """
    run = happened.run
    here = forge.repository().id
    if run.repository != here:
        return "the workflow run is of another repository"
    if not run.head_repository:
        return "the repository of the pull request is gone"
    numbers = sorted(set(happened.pulls)) or _numbers(forge, happened)
    found = [pull for number in numbers[:_MOST] if (pull := _pull(forge, number)) is not None]
    related = [
        pull
        for pull in found
        if pull.head_repository == run.head_repository and pull.base_repository == here and pull.is_open
    ]
    matching = [pull for pull in related if pull.head_commit == run.commit]
    if len(matching) == 1:
        return matching[0]
    return _why(happened, related, matching)


def _numbers(forge: CodeHost, happened: WorkflowRunEvent) -> list[int]:
    if not happened.head_owner or not happened.run.branch:
        return []
    return sorted(pull.number for pull in forge.pulls_from(happened.head_owner, happened.run.branch))


def _pull(forge: CodeHost, number: int) -> PullRequest | None:
    """As it is now: lists and events are older."""
    try:
        return forge.pull(number)
    except ForgeNotFoundError:
        return None


def _why(happened: WorkflowRunEvent, related: Sequence[PullRequest], matching: Sequence[PullRequest]) -> str:
    where = code(happened.run.branch, limit=100)
    if matching:
        numbers = ", ".join(f"#{pull.number}" for pull in matching)
        return f"several pull requests have this head: {numbers}"
    if related:
        return f"the head of #{related[0].number} moved on, to {code(related[0].head_commit[:12])}"
    return f"there is no open pull request from {where} at {code(happened.run.commit[:12])}"
