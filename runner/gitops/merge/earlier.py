"""What an earlier attempt at the same run left: a merge that is delivered twice is one run."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from pathlib import Path

from runner.errors import NotFoundError, RunnerError
from runner.gitops.artifacts import kept
from runner.gitops.artifacts.kept import Kept, Shown
from runner.gitops.merge.lost import is_lost
from runner.gitops.run.performing import Stage, Start
from runner.publish.refusal import is_refusal


class Before(Enum):
    NOTHING = auto()  # it has not begun, or left nothing that it could go on from
    HERE = auto()  # its directory is there
    BROUGHT = auto()  # its directory is there now, from another machine
    OVER = auto()  # it is over, and its files are gone
    ELSEWHERE = auto()  # another machine works on it


def look(start: Start, directory: Path, queue_id: str, stage: Stage) -> Before:
    """Brings the run's files into `directory` where they were kept."""
    if (directory / "plan.json").exists():
        return Before.HERE
    shown = _shown(start, queue_id, stage)
    if shown is None or is_refusal(shown.status) or is_lost(shown.status):
        return Before.NOTHING
    found = _found(start, stage)
    if found is not None and found.artifact is None:
        return Before.ELSEWHERE
    if found is not None and _brought(found, start, directory, stage):
        return Before.BROUGHT
    return Before.NOTHING if shown.status.state == "pending" else Before.OVER


def _shown(start: Start, queue_id: str, stage: Stage) -> Shown | None:
    """What we said of this queue at this commit before."""
    known = kept.shown_on(stage.forge, stage.context, [start.target.commit])
    return next((shown for shown in known if shown.queue_id == queue_id), None)


def _found(start: Start, stage: Stage) -> Kept | None:
    try:
        found = kept.find_run(stage.forge, stage.context, [start.target.commit], start.run_id)
    except NotFoundError:
        return None
    if not found.is_live or found.workflow_run.id != stage.context.run_id:
        return found
    # This very workflow run is started again: what its first attempt left is under the same number.
    artifacts = stage.forge.artifacts(run_id=stage.context.run_id, name=kept.ARTIFACT)
    usable = [artifact for artifact in artifacts if not artifact.expired]
    return replace(found, artifact=usable[0]) if usable else None


def _brought(found: Kept, start: Start, directory: Path, stage: Stage) -> bool:
    try:
        kept.bring(stage.forge, found, directory)
    except RunnerError as error:
        stage.notice(f"the files of {start.run_id} cannot be used: {error.message}")
        return False
    return True
