"""`runner results`: the files that jobs left, and their logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from runner.cli.terminal import say
from runner.cli.which import run_argument, run_directory
from runner.errors import NotFoundError, UsageError
from runner.problems import shorten
from runner.report import clean
from runner.report.table import columns
from runner.report.wording import counted
from runner.runs.copying import Piece, copy, logs_of, results_of
from runner.runs.reading import read
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
    directory = run_directory(run)
    _, state = read(directory)
    jobs = _jobs(state, job_id)
    pieces = list(_pieces(directory, jobs, results=not logs_only, logs=not no_logs))
    if not pieces:
        say(f"runner: {state.run_id} has no such files")
    elif output is None:
        _list(pieces)
    else:
        total = sum(copy(piece, Path(output)) for piece in pieces)
        say(f"runner: {counted(len(pieces), 'file')}, {format_size(total)}, copied to {output}")
    return 0


def _jobs(state: RunState, job_id: str | None) -> list[JobState]:
    if job_id is None:
        return list(state.jobs.values())
    if job_id not in state.jobs:
        raise NotFoundError(
            f"run {state.run_id} has no job {shorten(job_id)}", hint=f"see: runner status {state.run_id}"
        )
    return [state.jobs[job_id]]


def _pieces(directory: Path, jobs: list[JobState], *, results: bool, logs: bool) -> Iterator[Piece]:
    for job in jobs:
        if results:
            yield from results_of(directory, job)
        if logs:
            yield from logs_of(directory, job)


def _list(pieces: list[Piece]) -> None:
    rows = [("FILE", "SIZE", "SHA-256")]
    for piece in pieces:
        size = piece.stored.size if piece.stored else piece.source.stat().st_size
        rows.append((clean.line(piece.name), format_size(size), piece.stored.sha256 if piece.stored else ""))
    for line in columns(rows):
        click.echo(line)
