"""Where runs are shown and started from: statuses, comments, pull requests, workflows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A commit status. `state`: success, failure, error or pending; `description`: at most 140 characters.

    `author` (a login) and `at` (seconds since the epoch) are known of statuses that were read.
    """

    context: str
    state: str
    description: str = ""
    target: str = ""
    author: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment under a pull request. `at` and `edited_at` are equal until somebody edits it.

    `node` is the forge's own handle for it, opaque to others.
    """

    id: int
    pull: int
    author: str
    body: str
    at: float
    edited_at: float
    by_bot: bool = False
    minimized: bool = False
    url: str = ""
    node: str = ""


class Forge(Protocol):
    """Where a run is shown. All methods of this and the next ports raise ForgeError."""

    def statuses(self, commit: str) -> Sequence[Status]:
        """The newest status of each context, newest first."""

    def set_status(self, commit: str, status: Status) -> None:
        """Safe to repeat: the newest of a context counts."""

    def comments(self, pull: int) -> Sequence[Comment]:
        """All comments, oldest first, whoever wrote them."""

    def add_comment(self, pull: int, body: str) -> Comment:
        """Post once. If the reply is lost, a comment of ours with the same first line (its marker) is it."""

    def edit_comment(self, comment: Comment, body: str) -> None:
        """Raises ForgeNotFoundError where somebody deleted it."""

    def minimize_comment(self, comment: Comment) -> None:
        """Fold it away as outdated. One that is minimized already stays so."""


class Conversation(Protocol):
    """Who speaks, and what they may."""

    def login(self) -> str:
        """Whose name our own comments and statuses bear."""

    def permission(self, login: str) -> str:
        """`admin`, `write`, `read` or `none`, on this repository."""

    def comment(self, comment_id: int) -> Comment:
        """One comment as it is now. Raises ForgeNotFoundError."""

    def react(self, comment: Comment, reaction: str) -> None:
        """`eyes`, `rocket`, `confused`, `+1`, …; safe to repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryFacts:
    id: int
    full_name: str
    default_branch: str
    archived: bool = False
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """`head_repository` is 0 where the fork is gone. `merge_commit` is "" until it is merged."""

    number: int
    title: str
    author: str
    is_open: bool
    head_commit: str
    head_branch: str
    head_repository: int
    base_branch: str
    base_commit: str
    base_repository: int
    merge_commit: str = ""
    merged_at: float = 0.0
    draft: bool = False
    locked: bool = False
    url: str = ""

    @property
    def is_merged(self) -> bool:
        return bool(self.merged_at)


class Lookup(Protocol):
    """What the forge knows of the repository and its pull requests."""

    def repository(self) -> RepositoryFacts: ...

    def pull(self, number: int) -> PullRequest:
        """Raises ForgeNotFoundError."""

    def pulls_from(self, owner: str, branch: str) -> Sequence[PullRequest]:
        """Open pull requests whose head is `owner:branch` (a fork's owner too)."""

    def pulls_with(self, commit: str) -> Sequence[PullRequest]:
        """Pull requests that brought `commit`, open or not. Nothing for the head of a fork."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRun:
    """`workflow` is the file's path in the repository; repositories are ids, 0 where one is gone."""

    id: int
    workflow: str
    event: str
    branch: str
    commit: str
    conclusion: str
    repository: int
    head_repository: int
    attempt: int = 1
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """`size` in bytes, packed. `workflow_run` is the id of the run that made it."""

    id: int
    name: str
    size: int
    at: float
    expired: bool
    workflow_run: int


class Workflows(Protocol):
    """What runs on the forge's machines, and what it left there."""

    def workflow_run(self, run_id: int) -> WorkflowRun:
        """Raises ForgeNotFoundError."""

    def artifacts(self, *, run_id: int = 0, name: str = "") -> Sequence[Artifact]:
        """Those of one workflow run, or those with one name in the whole repository, newest first."""

    def download(self, artifact: Artifact, *, limit: int) -> bytes:
        """The ZIP file. More than `limit` bytes raise ForgeRefusedError."""

    def download_to(self, artifact: Artifact, path: Path, *, limit: int) -> None:
        """The same into a new file, however large. What is there after an error is not whole."""

    def dispatch(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> None:
        """Start a workflow by its file name. Not safe to repeat: a lost reply raises ForgeUnsureError."""

    def runs_of(self, workflow: str, commit: str) -> Sequence[WorkflowRun]:
        """Those of a workflow (by its file name) at one commit, newest first.

        Raises ForgeNotFoundError where there is no such workflow, if the forge can tell.
        """

    def rerun(self, run_id: int) -> None:
        """Start all jobs of a workflow run that is over once more. Not safe to repeat, as `dispatch`."""

    def active(self, workflow: str) -> int:
        """How many runs of a workflow (by its file name) are in progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFile:
    """A workflow that the forge knows. `state` in the forge's words: `active`, `disabled_inactivity`, …"""

    path: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What identity tokens of the repository's jobs have as `sub`: `prefix`, then what the job is about.

    "" where the forge does not say. `keys`: the claims that it is made of instead, where somebody chose some.
    """

    prefix: str = ""
    keys: tuple[str, ...] = ()


class Administration(Protocol):
    """How the repository is set up. None: the token may not look, or the forge has no such setting."""

    def workflows(self) -> Sequence[WorkflowFile] | None:
        """Those of the default branch, and those that ran before they were deleted there."""

    def actions_enabled(self) -> bool | None: ...

    def default_permissions(self) -> str | None:
        """What a job's token may do where the workflow says nothing: `read` or `write`."""

    def fork_approval(self) -> str | None:
        """Whose pull requests wait for a click before their workflows run: the forge's word for it."""

    def self_hosted_runners(self) -> int | None: ...

    def required_checks(self, branch: str) -> frozenset[str] | None:
        """The contexts that must succeed before a merge into `branch`."""

    def token_subject(self) -> Subject | None: ...


class CodeHost(Forge, Conversation, Lookup, Workflows, Administration, Protocol):
    """All of a forge: what the GitOps loop and `doctor` need of it."""

    def next_write(self) -> float:
        """When a write may go, seconds since the epoch; 0 is at once. What is less urgent can wait."""

    def share(self, among: int) -> None:
        """The budget of writes is the repository's: this process is one of so many that spend it now."""

    def close(self) -> None: ...
