"""`runner results`: the files that jobs left, and their logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from runner.cli.terminal import progress, say
from runner.cli.which import run_argument, run_source
from runner.errors import NotFoundError, UsageError
from runner.problems import shorten
from runner.report import clean
from runner.report.table import columns
from runner.report.wording import counted
from runner.runs.copying import Piece, copy, logs_of, results_of
from runner.runs.reading import read
from runner.runs.source import RunSource
from runner.state import JobState, RunState
from runner.units import format_size


@click.command()
@run_argument
@click.option("-o", "--output", metavar="DIR", help="Copy the files into DIR; without it they are listed.")
@click.option("--job", "job_id", metavar="J", help="Only those of job J.")
@click.option("--logs-only", is_flag=True, help="Only logs.")
@click.option("--no-logs", is_flag=True, help="Only result files.")
def results(
    run: str | None, output: str | None, job_id: str | None, *, logs_only: bool, no_logs: bool
) -> int:
    """List or copy the result files and logs of a run.

    DIR gets the layout JOB/ATTEMPT/results/… and JOB/ATTEMPT/stdout.log, stderr.log.
    """
    if logs_only and no_logs:
        raise UsageError("--logs-only and --no-logs together leave nothing", hint="choose one of them")
    source = run_source(run)
    _, state = read(source)
    jobs = _jobs(state, job_id)
    pieces = list(_pieces(source, jobs, results=not logs_only, logs=not no_logs))
    kinds = "logs" if logs_only else "result files" if no_logs else "result files and no logs"
    if not pieces:
        say(f"runner: {_none(state, job_id, kinds)}")
    elif output is None:
        _list(pieces)
    else:
        target = Path(output)
        with progress("copying", sum(piece.size for piece in pieces)) as more:
            total = sum(source.files.each(lambda piece: copy(source, piece, target, more), pieces))
        say(f"runner: {counted(len(pieces), 'file')}, {format_size(total)}, copied to {output}")
    return 0


def _none(state: RunState, job_id: str | None, kinds: str) -> str:
    whose = f"{shorten(job_id)} of {state.run_id}" if job_id is not None else state.run_id
    return f"{whose} has no {kinds}{'' if state.outcome is not None else ' yet: the run is not over'}"


def _jobs(state: RunState, job_id: str | None) -> list[JobState]:
    if job_id is None:
        return list(state.jobs.values())
    if job_id not in state.jobs:
        raise NotFoundError(
            f"run {state.run_id} has no job {shorten(job_id)}", hint=f"see: runner status {state.run_id}"
        )
    return [state.jobs[job_id]]


def _pieces(source: RunSource, jobs: list[JobState], *, results: bool, logs: bool) -> Iterator[Piece]:
    folder = f"jobs/{jobs[0].job.job_id}" if len(jobs) == 1 else "jobs"
    size_of = source.files.sizes(folder) if logs else lambda _: None
    found = source.files.each(lambda job: results_of(source, job) if results else [], jobs)
    for job, pieces in zip(jobs, found, strict=True):
        yield from pieces
        yield from logs_of(job, size_of)


def _list(pieces: list[Piece]) -> None:
    rows = [("FILE", "SIZE", "SHA-256")]
    for piece in pieces:
        digest = piece.stored.sha256 if piece.stored else ""
        rows.append((clean.line(piece.name), format_size(piece.size), digest))
    for line in columns(rows):
        click.echo(line)
