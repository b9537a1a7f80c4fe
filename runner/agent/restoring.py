"""What an earlier machine left, put back where its jobs had it: declared results of jobs that succeeded."""

from __future__ import annotations

from pathlib import Path

from runner.agent.placing import Owner, is_in_checkout, placed, put
from runner.agent.uploads import Notice
from runner.errors import RunnerError, StoreBusyError
from runner.model import Outcome
from runner.runs.copying import Piece, results_of
from runner.runs.source import RunSource
from runner.state import JobState, Phase, RunState


def restore(
    source: RunSource, state: RunState, checkout: Path, notice: Notice, owner: Owner | None = None
) -> frozenset[str]:
    """The jobs whose declared results are all there, whole and with the hashes of their manifests.

    `owner`: whose they become. Raises StoreBusyError: call it again. What cannot be had otherwise, or has no
    place because a link leads elsewhere, is said, and its job is not among them.
    """
    succeeded = [
        job
        for job in state.jobs.values()
        if job.phase is Phase.FINISHED and job.outcome is Outcome.SUCCEEDED and job.job.result_files
    ]
    succeeded.sort(key=lambda job: job.finished_at)  # of two that wrote one file the later had the last word
    return frozenset(job.job.job_id for job in succeeded if _restored(source, job, checkout, notice, owner))


def _restored(source: RunSource, job: JobState, checkout: Path, notice: Notice, owner: Owner | None) -> bool:
    def back(one: tuple[Piece, Path]) -> None:
        piece, place = one
        root = checkout if is_in_checkout(place, checkout) else Path("/")
        put(source, piece, place, root, owner)

    try:
        pieces = list(placed(results_of(source, job), job.job, checkout))
        for _ in source.files.each(back, pieces):
            pass
    except StoreBusyError:
        raise
    except (RunnerError, OSError) as error:
        said = error.message if isinstance(error, RunnerError) else error.strerror or str(error)
        notice(f"the results of {job.job.job_id} cannot be restored: {said}")
        return False
    stored = next((a.stored for a in reversed(job.attempts) if a.stored is not None), None)
    return stored is None or not stored.files or bool(pieces)
