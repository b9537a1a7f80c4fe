"""A run whose machine is gone: from its status to the workflow run, to the artifact, to a directory here.

A status proves nothing: whoever may push a branch may set one. It only says where to look; what is trusted
is a workflow run of this repository, of the default branch, of one of our own workflows.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.errors import ForgeNotFoundError, NotFoundError, RefusedError, RunnerError
from runner.gitops.artifacts import unpacking
from runner.gitops.artifacts.unpacking import BOUNDS, Bounds, bad
from runner.gitops.context import Context
from runner.gitops.workflow_files import kind_of
from runner.ports import Artifact, CodeHost, RepositoryFacts, Status, WorkflowRun
from runner.report.statuses import PLAN_CONTEXT, queue_of
from runner.runs.reading import read, read_run_id
from runner.stores.directory import LEASE, PLAN, REQUESTS
from runner.stores.disk import trouble

ARTIFACT = "runner-runs"
LARGEST = 2 * 1024**3
"""Bytes, packed."""
_LARGEST_PLAN = 256 * 1024**2
_EVENTS = frozenset({"push", "workflow_dispatch", "issue_comment", "schedule"})
_QUEUE = re.compile(r"runner/[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A queue's status that we set ourselves. `workflow_run` is where it leads, 0 for elsewhere."""

    queue_id: str
    status: Status
    workflow_run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`run_id` is "" where only the queue was asked for. `artifact` None: its machine still works on it."""

    run_id: str
    queue_id: str
    workflow_run: WorkflowRun
    artifact: Artifact | None

    @property
    def is_live(self) -> bool:
        return not self.workflow_run.conclusion


def shown_on(forge: CodeHost, context: Context, commits: Iterable[str]) -> list[Shown]:
    """Queues that ran for these commits; of one that has several statuses the newest."""
    mine = forge.login().casefold()
    found: dict[str, Shown] = {}
    for commit in dict.fromkeys(filter(None, commits)):
        for status in forge.statuses(commit):
            if not _QUEUE.fullmatch(status.context) or status.author.casefold() != mine:
                continue
            if status.context == PLAN_CONTEXT:
                continue
            queue_id = queue_of(status.context)
            shown = Shown(queue_id=queue_id, status=status, workflow_run=led_to(status.target, context))
            if queue_id not in found or found[queue_id].status.at < status.at:
                found[queue_id] = shown
    return list(found.values())


def led_to(target: str, context: Context) -> int:
    """The workflow run of this repository that a status leads to, 0 for anywhere else."""
    page = re.escape(f"{context.server_url}/{context.repository}/actions/runs/")
    match = re.fullmatch(page + r"([1-9][0-9]{0,17})", target, re.ASCII)
    return int(match[1]) if match else 0


def find_run(
    forge: CodeHost,
    context: Context,
    commits: Iterable[str],
    run_id: str | None = None,
    *,
    with_artifact: bool = True,
) -> Kept:
    """The run with this id, or the only one, of these commits (merge commit, head of the pull request).

    Raises NotFoundError where there is none that can be trusted, or it left no artifact.
    """
    shown = shown_on(forge, context, commits)
    for candidate in candidates(shown, run_id):
        if not candidate.workflow_run:
            continue
        found = _trusted(forge, candidate.workflow_run)
        if found is not None:
            artifact = _artifact(forge, found.id) if with_artifact and found.conclusion else None
            return Kept(
                run_id=run_id or "", queue_id=candidate.queue_id, workflow_run=found, artifact=artifact
            )
    named = run_id or "that"
    raise NotFoundError(
        f"there is no run {named} here, or its workflow run is none of ours", hint="/runner status lists them"
    )


def candidates(shown: Sequence[Shown], run_id: str | None) -> list[Shown]:
    """A run's id begins with its queue's; of two such queues the longer name is meant."""
    if run_id is None:
        return list(shown) if len(shown) == 1 else []
    fitting = [one for one in shown if run_id.startswith(f"{one.queue_id}-")]
    return sorted(fitting, key=lambda one: -len(one.queue_id))


def _trusted(forge: CodeHost, number: int) -> WorkflowRun | None:
    try:
        found = forge.workflow_run(number)
    except ForgeNotFoundError:
        return None
    return found if is_trusted(found, forge.repository()) else None


def is_trusted(run: WorkflowRun, here: RepositoryFacts) -> bool:
    """Whether what this workflow run left is ours: see the top of this file."""
    return (
        run.repository == here.id
        and run.head_repository == here.id
        and run.branch == here.default_branch
        and run.event in _EVENTS
        and kind_of(run.workflow) != ""
    )


def _artifact(forge: CodeHost, workflow_run: int) -> Artifact:
    found = forge.artifacts(run_id=workflow_run, name=ARTIFACT)
    usable = [one for one in found if not one.expired and one.workflow_run == workflow_run]
    if usable:
        return usable[0]
    why = "has expired" if found else "was never kept"
    raise NotFoundError(
        f"what workflow run {workflow_run} left {why}", hint="merge the queue again to run it anew"
    )


def bring(forge: CodeHost, kept: Kept, target: Path) -> None:
    """Download the run into the directory `target`, which does not exist yet. Raises RunnerErrors."""
    if kept.artifact is None:
        raise RefusedError(
            f"run {kept.run_id} is live: workflow run {kept.workflow_run.id} works on it",
            hint="wait for its end, or cancel it",
        )
    with tempfile.TemporaryDirectory(prefix="runner-") as scratch:
        archive = Path(scratch) / "runs.zip"
        forge.download_to(kept.artifact, archive, limit=LARGEST)
        restore(archive, kept.run_id, target)


def runs_in(archive: Path) -> tuple[str, ...]:
    """The ids of the runs that an artifact holds."""
    return tuple(name for name in unpacking.folders(archive) if _RUN.fullmatch(name))


def restore(archive: Path, run_id: str, target: Path, bounds: Bounds = BOUNDS) -> None:
    """The run `run_id` of an artifact, as the directory `target`: whole and readable, or not there.

    Requests and the lease are left out: they were for a machine that is gone. Raises StoreError.
    """
    if not _RUN.fullmatch(run_id):
        raise bad(f"{run_id[:80]!r} is no id of a run")
    home = target.parent
    if home.is_symlink() or target.is_symlink() or target.exists():
        raise bad(f"{target} is there already, or its folder is not a folder of its own")
    scratch = None
    try:
        scratch = Path(tempfile.mkdtemp(prefix=".restoring-", dir=home))
        unpacking.unpack(archive, run_id, scratch, bounds)
        _strip(scratch)
        _check(scratch, run_id)
        scratch.chmod(0o755)
        scratch.rename(target)
        scratch = None
    except OSError as error:
        raise trouble("restore", target, error) from error
    finally:
        if scratch is not None:
            unpacking.clear(scratch)


def _strip(folder: Path) -> None:
    unpacking.clear(folder / REQUESTS)
    (folder / LEASE).unlink(missing_ok=True)


def _check(folder: Path, run_id: str) -> None:
    """It is that run, and can be read to the end of its log."""
    try:
        if (folder / PLAN).stat().st_size > _LARGEST_PLAN:
            raise bad(f"the plan of {run_id} is too large")
        plan, state = read(folder)
        found = read_run_id(folder)
    except FileNotFoundError as error:
        raise bad(f"it holds no run {run_id}") from error
    except RunnerError as error:
        raise bad(f"{run_id} in it cannot be read: {error.message}") from error
    if found != run_id or not run_id.startswith(f"{plan.queue.queue_id}-") or state.run_id != run_id:
        raise bad(f"what it calls {run_id} is another run")
