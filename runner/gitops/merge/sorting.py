"""What becomes of each file that a merge brought: it runs, it is refused, or it waits. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.config import GitOps
from runner.gitops.merge.agreement import Candidate, digest_of, disagreements
from runner.gitops.run.child import beyond_policy
from runner.report.commands import COMMENT
from runner.report.comment_refused import Compared

_WHEN = {"manual": "it runs only by hand", "schedule": "it runs on its schedule"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A file that should run and does not. `details` are lines below the sentence.

    `compared` is set where it is not what was reviewed; `command` is what runs it all the same.
    """

    candidate: Candidate
    sentence: str
    details: tuple[str, ...] = ()
    compared: Compared | None = None
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """`waiting` are files that do not run now, with the reason: nothing is wrong with them."""

    runs: tuple[Candidate, ...] = ()
    refused: tuple[Refusal, ...] = ()
    waiting: tuple[tuple[Candidate, str], ...] = ()


def sort(
    candidates: Sequence[Candidate],
    gitops: GitOps,
    reviewed: Mapping[int, str | None],
    *,
    by_hand: bool = False,
) -> Sorted:
    """`reviewed`: the digest that each pull request showed. `by_hand`: somebody asked for just these."""
    refused: list[Refusal] = []
    waiting: list[tuple[Candidate, str]] = []
    runs: list[Candidate] = []
    unreviewed = disagreements(candidates, reviewed) if gitops.require_digest and not by_hand else {}
    for candidate in candidates:
        if candidate.planned.needs and not by_hand:
            waiting.append((candidate, _WHEN["manual"]))
            continue
        when = candidate.planned.plan.queue.run_on if candidate.planned.plan is not None else "merge"
        refusal = _refusal(candidate, gitops)
        if refusal is not None:
            refused.append(refusal)
        elif when != "merge" and not by_hand:
            waiting.append((candidate, _WHEN[when]))
        elif candidate.pull in unreviewed:
            refused.append(_unreviewed(candidate, unreviewed[candidate.pull], candidates, reviewed))
        else:
            runs.append(candidate)
    late = [(c, f"a merge starts at most {gitops.max_launches}") for c in runs[gitops.max_launches :]]
    return Sorted(runs=tuple(runs[: gitops.max_launches]), refused=tuple(refused), waiting=(*waiting, *late))


def _refusal(candidate: Candidate, gitops: GitOps) -> Refusal | None:
    plan = candidate.planned.plan
    if candidate.planned.needs:
        names = ", ".join(sorted(candidate.planned.needs))
        return Refusal(candidate=candidate, sentence=f"it needs params: {names}")
    if plan is None:
        told = tuple(
            f"{error.location or candidate.planned.source}: {error.message}"
            for error in candidate.planned.errors
        )
        return Refusal(candidate=candidate, sentence="the file has errors", details=told)
    reasons: Sequence[str] = plan.queue.refused or beyond_policy(plan.queue, gitops.environment)
    if reasons:
        return Refusal(candidate=candidate, sentence=reasons[0], details=tuple(reasons[1:]))
    return None


def _unreviewed(
    candidate: Candidate,
    sentence: str,
    candidates: Sequence[Candidate],
    reviewed: Mapping[int, str | None],
) -> Refusal:
    """With what to type: the digest of all files of the pull request, as its plan would show it now."""
    digest = digest_of(c for c in candidates if c.pull == candidate.pull)
    pull = candidate.due.pull
    compared = Compared(
        shown=reviewed.get(candidate.pull) or "",
        head=pull.head_commit if pull is not None else "",
        now=digest,
        commit=candidate.due.commit,
    )
    command = COMMENT.run(digest) if digest else ""
    return Refusal(candidate=candidate, sentence=sentence, compared=compared, command=command)
