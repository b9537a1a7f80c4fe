"""Which commit a plan is made of, and which it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.errors import RunnerError, UsageError
from runner.gitops.context import Context
from runner.gitops.payload import DispatchEvent, Happened, MergeGroupEvent, PullEvent
from runner.gitops.repository import history
from runner.gitops.repository.git import ask, commit, text

_DEEPER = "check out the merge of the pull request with `fetch-depth: 2`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revisions:
    """`tested` is checked out, `base` is where configuration and policy are from.

    `sha` is the commit that it is all about: for a pull request its head, whose merge is `tested`.
    """

    sha: str
    base: str
    tested: str
    branch: str = ""
    number: int = 0


def revisions_of(context: Context, happened: Happened) -> Revisions:
    """Raises RunnerError where the checkout is not one of this event."""
    checkout = context.checkout
    tested = history.head(checkout)
    if isinstance(happened, PullEvent):
        return Revisions(
            sha=happened.head_commit,
            base=_base(checkout, tested, happened),
            tested=tested,
            branch=happened.base_branch,
            number=happened.number,
        )
    if isinstance(happened, MergeGroupEvent):
        if not history.exists(checkout, happened.base_commit):
            raise RunnerError(
                f"the base of the merge group, {happened.base_commit[:12]}, is not in this clone",
                hint="check out the whole history: `fetch-depth: 0`",
            )
        return Revisions(
            sha=happened.head_commit,
            base=happened.base_commit,
            tested=_same(tested, happened.head_commit),
            branch=happened.base_branch,
        )
    if isinstance(happened, DispatchEvent):
        return Revisions(sha=tested, base=tested, tested=tested, branch=context.ref.rpartition("/")[2])
    raise UsageError(
        f"there is nothing to plan on {context.event_name}",
        hint="plans are made on pull_request, merge_group and workflow_dispatch",
    )


def _base(checkout: Path, tested: str, pull: PullEvent) -> str:
    """The first parent of the merge that GitHub made for the pull request, or where its head began."""
    first, *others = parents(checkout, tested) or [""]
    if tested != pull.head_commit and others == [pull.head_commit]:
        return first
    if tested != pull.head_commit:
        raise RunnerError(
            f"{tested[:12]} is checked out, which is not the merge of {pull.head_commit[:12]}", hint=_DEEPER
        )
    return _merge_base(checkout, tested, pull.base_commit)


def _merge_base(checkout: Path, tested: str, base: str) -> str:
    known = history.exists(checkout, base)
    answer = ask(checkout, "merge-base", commit(tested), commit(base), codes=(0, 1)) if known else None
    found = text(answer.output).strip() if answer is not None else ""
    if not found:
        raise RunnerError(
            f"what {tested[:12]} is to be compared with, {base[:12]}, is not in this clone", hint=_DEEPER
        )
    return found


def parents(checkout: Path, a: str) -> list[str]:
    """All of them, in their order; none for a first commit, or where a shallow clone ends."""
    found = ask(checkout, "rev-list", "--max-count=1", "--parents", commit(a), "--").output
    return text(found).split()[1:]


def _same(tested: str, wanted: str) -> str:
    if tested != wanted:
        raise RunnerError(
            f"{tested[:12]} is checked out, and the event is about {wanted[:12]}",
            hint="check out the commit of the event",
        )
    return tested
