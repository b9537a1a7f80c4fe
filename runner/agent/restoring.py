"""What an earlier machine left, put back where its jobs had it: declared results of jobs that succeeded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fnmatch import translate
from pathlib import Path, PurePosixPath

from runner.agent.uploads import Notice
from runner.errors import StoreBusyError, StoreError
from runner.model import Job, Outcome
from runner.runs.copying import Piece, copy, results_of
from runner.runs.source import RunSource
from runner.state import JobState, Phase, RunState


def restore(source: RunSource, state: RunState, checkout: Path, notice: Notice) -> frozenset[str]:
    """The jobs whose declared results are all there, whole and with the hashes of their manifests.

    Raises StoreBusyError: call it again. What cannot be had otherwise is said, and its job is not among them.
    """
    succeeded = [
        job
        for job in state.jobs.values()
        if job.phase is Phase.FINISHED and job.outcome is Outcome.SUCCEEDED and job.job.result_files
    ]
    return frozenset(job.job.job_id for job in succeeded if _restored(source, job, checkout, notice))


def _restored(source: RunSource, job: JobState, checkout: Path, notice: Notice) -> bool:
    try:
        pieces = list(_placed(results_of(source, job), job.job, checkout))
        for _ in source.files.each(lambda piece: copy(source, piece, Path("/")), pieces):
            pass
    except StoreBusyError:
        raise
    except StoreError as error:
        notice(f"the results of {job.job.job_id} cannot be restored: {error.message}")
        return False
    stored = next((a.stored for a in reversed(job.attempts) if a.stored is not None), None)
    return stored is None or not stored.files or bool(pieces)


def _placed(pieces: list[Piece], job: Job, checkout: Path) -> Iterator[Piece]:
    """Those that came from the checkout, with the place they had as their name."""
    for piece in pieces:
        assert piece.stored is not None  # noqa: S101  results_of gives none without
        place = place_of(piece.stored.path, job, checkout)
        if place is not None:
            yield Piece(kept=piece.kept, name=str(place).lstrip("/"), size=piece.size, stored=piece.stored)


def place_of(kept: str, job: Job, checkout: Path) -> Path | None:
    """Where a result file was before it was kept; None for what the job wrote into RUNNER_RESULT_DIR."""
    for pattern in job.result_files:
        base, parts = _base(pattern, checkout / job.working_directory)
        if _means(parts, PurePosixPath(kept).parts):
            return base / kept
    return None


def _base(pattern: str, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """(the folder that a kept name counts from, the pattern seen from there)."""
    if pattern.startswith("/"):
        return Path("/"), tuple(part for part in pattern.split("/") if part not in ("", "."))
    parts = tuple(part for part in os.path.normpath(pattern).split("/") if part != ".")
    ups = sum(part == ".." for part in parts)  # normalised: they all come first
    return Path(os.path.normpath(folder.joinpath(*parts[:ups]))), parts[ups:]


def _means(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Whether the pattern means this file or a folder that it is in."""
    if not pattern:
        return True
    first, rest = pattern[0], pattern[1:]
    if first == "**":
        return any(_means(rest or ("*",), path[i:]) for i in range(len(path)))
    return bool(path) and re.match(translate(first), path[0]) is not None and _means(rest, path[1:])
