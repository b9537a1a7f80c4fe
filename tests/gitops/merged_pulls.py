"""A pull request that was reviewed and merged, as all who come after the merge find it."""

from __future__ import annotations

from pathlib import Path

from runner.config import Config
from runner.gitops.merge.planned import AtCommit, plan_file
from runner.gitops.plan import digests
from runner.model import Git
from runner.ports import PullRequest, Status
from tests.histories import HERE


def merged_pull(
    number: int, merge_commit: str, base_commit: str, *, head_commit: str = "", merged_at: float = 1.0
) -> PullRequest:
    """Squashed into the default branch."""
    return PullRequest(
        number=number,
        title="Add a queue",
        author="ann",
        is_open=False,
        head_commit=head_commit or f"{number:040x}",
        head_branch=f"topic-{number}",
        head_repository=HERE,
        base_branch="main",
        base_commit=base_commit,
        base_repository=HERE,
        merge_commit=merge_commit,
        merged_at=merged_at,
    )


def reviewed(checkout: Path, *sources: str, config: Config | None = None) -> Status:
    """What the plan of a pull request leaves on its head."""
    place = AtCommit(checkout=checkout, git=Git(), at=0.0, config=config or Config())
    plans = [plan_file(source, place).plan for source in sources]
    agreed = digests.agreed([plan for plan in plans if plan is not None])
    return Status(
        context=digests.CONTEXT, state="success", description=digests.description("planned", agreed)
    )
