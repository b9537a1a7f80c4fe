"""A command that may be carried out, with all that is needed for it; and the answer to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runner.gitops.commands.parse import Command
from runner.gitops.context import Context
from runner.ports import CodeHost, PullRequest
from runner.report.markers import Request
from runner.report.reply import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`login` is our own; `comment` what is answered, and `by` who wrote it."""

    command: Command
    context: Context
    forge: CodeHost
    pull: PullRequest
    login: str
    comment: int = 0
    by: str = ""

    @property
    def commits(self) -> tuple[str, ...]:
        """Where its runs have their statuses."""
        merged = (self.pull.merge_commit,) if self.pull.merge_commit else ()
        return (*merged, self.pull.head_commit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`said` is the whole answer, or with `act` what is said before: `act` does it and gives the answer.

    `request` stands in the marker of `said`.
    """

    said: Reply
    request: Request | None = None
    act: Callable[[], Reply] | None = None
