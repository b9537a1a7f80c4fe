"""The doors into the world: small Protocols that the shell uses and adapters implement.

Every port has an embedded implementation (local processes, a directory, the machine's clock), and
one contract test suite runs against all implementations of a port.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from runner.events import Event


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch, whole microseconds, never going back while the process lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One attempt, ready to run: everything resolved, nothing left to decide.

    `environment` comes over the runner's own (already cleaned) environment. `stores_results`: files are
    put into the attempt's results folder after its end. `masks` are the values that must not reach a log.
    `command` as in `model.Job`. Paths are absolute.
    """

    handle: str
    job_id: str
    attempt: int
    command: str | tuple[str, ...]
    shell: tuple[str, ...]
    working_directory: str
    environment: Mapping[str, str]
    directory: str
    kill_grace: float = 10.0
    keep_processes: bool = False
    stores_results: bool = False
    masks: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A report: the attempt's process exists."""

    handle: str
    pid: int
    process_started: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """A report: the attempt is over, with every process of it.

    `exit_code` None and `signal` "" together mean that it never ran (`error` says why) or was lost
    (`lost`). `ended` is what `cancel` was told, where the attempt was ended by us. `has_output`,
    `has_summary`, `has_results`: what the attempt left in its directory.
    """

    handle: str
    exit_code: int | None = None
    signal: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    max_rss: int = 0
    ended: str = ""
    error: str = ""
    lost: bool = False
    out_of_memory: bool = False
    leftovers: int = 0
    has_output: bool = False
    has_summary: bool = False
    has_results: bool = False


class Executor(Protocol):
    """Runs attempts. Never calls back: reports are fetched by `poll`."""

    def start(self, spec: Spec) -> None:
        """Begin an attempt. Its end is reported by `poll`, also where it cannot start."""

    def fileno(self) -> int | None:
        """A descriptor that is readable when `poll` has something, where there is one."""

    def poll(self) -> Sequence[Running | Exit]:
        """Reports since the last call. Never waits."""

    def cancel(self, handle: str, why: str, *, at_once: bool = False) -> None:
        """End the attempt with its whole process tree: TERM, the grace (not `at_once`), KILL.

        `why` comes back as `Exit.ended`. For an attempt that is over already, nothing happens.
        """

    def capacity(self) -> int:
        """How many attempts may run at once, those that run included."""

    def close(self) -> None:
        """End whatever still runs, and everything the executor itself started."""


class Store(Protocol):
    """One run's directory, wherever it is."""

    def append(self, events: Sequence[Event]) -> None:
        """Write events at the end of the log, in order; visible to readers at once, durable within 100 ms."""

    def sync(self) -> None:
        """Return once everything appended is durable."""

    def events(self, after: int = 0) -> list[Event]:
        """The log from `seq` after + 1 on. A torn last line is dropped."""

    def put(self, name: str, file: Path) -> None:
        """Keep a file under a relative name."""

    def lease(self, holder: Mapping[str, Any]) -> None:
        """Become the one writer, or raise RunIsLiveError that names the holder. Ends with the process."""

    def requests(self) -> list[dict[str, Any]]:
        """Requests from elsewhere (`cancel`), oldest first, each with its name as `request`.

        To ask again is to say that those given before are in the log: they are removed.
        """

    def close(self) -> None:
        """Give up the lease; everything is durable."""


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


class CodeHost(Forge, Conversation, Lookup, Workflows, Administration, Protocol):
    """All of a forge: what the GitOps loop and `doctor` need of it."""

    def next_write(self) -> float:
        """When a write may go, seconds since the epoch; 0 is at once. What is less urgent can wait."""

    def share(self, among: int) -> None:
        """The budget of writes is the repository's: this process is one of so many that spend it now."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a machine boots from. `disk` is the least that its root disk needs, in GiB."""

    id: str
    root_device: str
    disk: int
    architecture: str = "x86_64"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRequest:
    """One machine, complete: whoever has this can ask for it again, to the byte.

    `token`: at most 64 characters of ASCII; asked twice with one token, the cloud gives the same machine.
    `disk` in GiB. "" for `subnet`: the cloud's own choice. No field may hold a secret: this is stored, and
    the machine's user data can be read by everybody who may describe it.
    """

    token: str
    image: str
    root_device: str
    type: str
    disk: int
    spot: bool = False
    subnet: str = ""
    security_group: str = ""
    instance_profile: str = ""
    user_data: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A machine as the cloud tells of it; `launched` in seconds since the epoch, by the cloud's clock.

    `state`: `pending`, `running`, `stopping`, `stopped`, `shutting-down` or `terminated`. `ended`, the cause:
    `spot`, `capacity`, `shutdown` (from within), `terminated` (by somebody), `trouble` (the cloud's) or "";
    `reason` says it in a sentence.
    """

    id: str
    state: str
    type: str = ""
    spot: bool = False
    zone: str = ""
    launched: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)
    ended: str = ""
    reason: str = ""

    @property
    def is_gone(self) -> bool:
        """Whether it is over for good, or soon will be."""
        return self.state in {"shutting-down", "terminated"}


class Cloud(Protocol):
    """Where machines come from. All methods raise CloudError; what its subclasses promise, they promise here.

    What was launched in the last minute may be missing from `find` and `describe`.
    """

    def image(self, name: str) -> Image:
        """By its id, or by the place where its id is published. Raises CloudRefusedError if there is none."""

    def check(self, request: LaunchRequest) -> None:
        """Whether we may launch this, without doing it. Raises CloudRefusedError."""

    def launch(self, request: LaunchRequest) -> Instance:
        """One machine. Asked again with the same request, the same machine, at least for a day.

        Raises CapacityError, CloudRefusedError and CloudBusyError where nothing was launched, and
        CloudUnsureError where that cannot be known: then the same request is to be asked again, and no other.
        """

    def find(self, tags: Mapping[str, str]) -> Sequence[Instance]:
        """All that carry these tags, oldest first; those that ended stay in it for a while."""

    def describe(self, instance_ids: Sequence[str]) -> Sequence[Instance]:
        """These, without those that the cloud does not know (any more)."""

    def terminate(self, instance_ids: Sequence[str], tags: Mapping[str, str]) -> Sequence[str]:
        """End those that carry the tags, and no others; their ids. One that has ended is no trouble."""

    def console(self, instance_id: str) -> str:
        """What it wrote to its console, as far as the cloud has it: minutes late, and "" before."""
