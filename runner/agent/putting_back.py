"""Result files of jobs that succeeded, put back where their jobs had them: for a checkout without them.

Only what had a place in the checkout: what a job wrote into RUNNER_RESULT_DIR, or outside, is left alone.
"""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from runner import rules
from runner.agent.order import Order
from runner.agent.placing import is_in_checkout, placed, put
from runner.errors import RunnerError
from runner.graph import Graph
from runner.model import Outcome
from runner.report import clean
from runner.run_here import check_known
from runner.runs.copying import results_of
from runner.runs.files import stored_attempt
from runner.runs.on_disk import DirectorySource
from runner.runs.reading import read
from runner.runs.source import RunSource
from runner.state import JobState, RunPhase


def put_back(order: Order) -> None:
    """Before a run goes on in another checkout. Raises RunnerError for a file that is not as its job left it.

    Jobs that are going to run again get nothing: they make their files anew.
    """
    _, state = read(order.directory)
    if not order.restore and state.checkout in {"", str(order.checkout)}:
        return
    if order.action == "resume" and state.phase is RunPhase.FINISHED:
        return
    again: Container[str] = ()
    if order.action == "retry":
        check_known(state, order.job_ids)
        again = rules.to_reset(state, Graph.of(state.queue), order.job_ids)
    source = DirectorySource(order.directory)
    kept = [job for name, job in state.jobs.items() if job.outcome is Outcome.SUCCEEDED and name not in again]
    # Where two jobs wrote one file, the later one had the last word.
    for job in sorted(kept, key=lambda job: job.finished_at):
        _put_back(source, job, order.checkout)


def _put_back(source: RunSource, job: JobState, checkout: Path) -> None:
    if stored_attempt(job) is None:
        return
    try:
        pieces = results_of(source, job)
    except RunnerError as error:
        raise _trouble(job, "a result file", error.message) from error
    if not pieces:
        raise _trouble(job, "manifest.json of its results", "it cannot be read")
    for piece, place in placed(pieces, job.job, checkout):
        if is_in_checkout(place, checkout):
            try:
                put(source, piece, place, checkout)
            except (RunnerError, OSError) as error:
                said = error.message if isinstance(error, RunnerError) else error.strerror or str(error)
                raise _trouble(job, clean.line(piece.kept.partition("/results/")[2], 200), said) from error


def _trouble(job: JobState, file: str, said: str) -> RunnerError:
    return RunnerError(
        f"{file} of job {job.job.job_id} cannot be put back into the checkout: {said}",
        hint=f"retry {job.job.job_id} as well: it makes its files anew",
    )
