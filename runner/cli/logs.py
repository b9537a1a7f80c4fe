"""`runner logs`: what a job wrote, once or while it is written."""

from __future__ import annotations

import secrets
import stat
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from runner.cli.alive import is_alive
from runner.cli.printer import Printer
from runner.cli.terminal import in_actions, say
from runner.cli.which import names_a_run, run_source
from runner.errors import NotFoundError, UsageError
from runner.problems import shorten
from runner.report.wording import CUT_OFF, job_word, known_jobs, why_ended, why_skipped, word_in
from runner.runs.files import STREAMS
from runner.runs.reading import Tail
from runner.runs.source import RunSource
from runner.state import CLOSED, AttemptState, JobState, Phase, RunPhase, RunState


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="[RUN] JOB")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job is over, through its retries.")
@click.option(
    "--attempt", type=click.IntRange(min=1), metavar="N", help="Of attempt N (default: the newest)."
)
@click.option("--all", "everything", is_flag=True, help="Of all attempts, each with a heading.")
@click.option("--stream", type=click.Choice(["both", *STREAMS]), default="both", show_default=True)
@click.option(
    "--raw", is_flag=True, help="Pass every byte on, control characters too, to a terminal as well."
)
def logs(
    names: Sequence[str], *, follow: bool, attempt: int | None, everything: bool, stream: str, raw: bool
) -> int:
    """Show what a job wrote.

    Its standard output goes to standard output, its standard error to standard error. On a terminal control
    characters are left out. With only JOB the newest run is meant.
    """
    if len(names) > 2:
        raise UsageError("one run and one job, please", hint="runner logs RUN JOB")
    if sum((follow, attempt is not None, everything)) > 1:
        raise UsageError("--follow, --attempt and --all do not go together", hint="choose one of them")
    source = run_source(names[0] if len(names) == 2 or names_a_run(names[0]) else None)
    tail = Tail(source)
    tail.poll()
    if len(names) == 1 and names_a_run(names[0]):
        raise UsageError(
            f"which job of {tail.state.run_id}?",
            hint=f"runner logs {names[0]} JOB; {known_jobs(tail.state)}",
        )
    job = _job(tail.state, names[-1])
    streams = STREAMS if stream == "both" else (stream,)
    printer = Printer(source, names[-1], streams, raw=raw, token="" if raw else _token())
    with printer:
        if follow:
            _follow(tail, job, printer)
        else:
            _print(job, printer, source, _wanted(job, attempt, everything=everything))
    return 0


def _token() -> str:
    """A word nobody can guess, where GitHub Actions would obey what a log says; a file obeys nothing."""
    try:
        is_file = stat.S_ISREG(Path(f"/dev/fd/{sys.stdout.fileno()}").stat().st_mode)
    except (OSError, ValueError):
        is_file = True
    return secrets.token_hex(16) if in_actions() and not is_file else ""


def _job(state: RunState, job_id: str) -> JobState:
    job = state.jobs.get(job_id)
    if job is None:
        hint = f"its jobs: {_jobs(state)}"
        raise NotFoundError(f"run {state.run_id} has no job {shorten(job_id)}", hint=hint)
    return job


def _jobs(state: RunState) -> str:
    return ", ".join(list(state.jobs)[:8]) + (", …" if len(state.jobs) > 8 else "")


def _wanted(job: JobState, number: int | None, *, everything: bool) -> list[AttemptState]:
    if everything:
        return job.attempts
    if number is None:
        return job.attempts[-1:]
    found = [attempt for attempt in job.attempts if attempt.number == number]
    if not found:
        raise NotFoundError(f"{job.job.job_id} has no attempt {number}", hint=f"it made {len(job.attempts)}")
    return found


def _print(job: JobState, printer: Printer, source: RunSource, attempts: Sequence[AttemptState]) -> None:
    if not attempts:
        raise NotFoundError(f"{job.job.job_id} has no log: {_why_none(job)}")
    for attempt in attempts:
        if len(attempts) > 1:
            outcome = attempt.finished.outcome if attempt.finished else _open_word(source)
            say(f"runner: attempt {attempt.number}: {outcome}")
        printer.show(attempt.number, over=True)
    if not any(printer.found(attempt.number) for attempt in attempts):
        say(f"runner: the files of {job.job.job_id} are not in {source}")


def _open_word(source: RunSource) -> str:
    """For an attempt whose end is not in the log."""
    return "running" if source.is_live() else CUT_OFF


def _why_none(job: JobState) -> str:
    if job.phase is Phase.SKIPPED:
        return f"it was skipped, {why_skipped(job)}"
    return why_ended(job) if job.phase is Phase.FINISHED else f"it is {job_word(job)}"


def _follow(tail: Tail, job: JobState, printer: Printer) -> None:
    """Until the job is over or nobody runs it. An attempt's end is seen before its last bytes are read.

    What a run left is shown at once; where a machine is on its way to go on with it, that is waited for.
    """
    shown = 0
    if not job.attempts and job.phase not in CLOSED and tail.source.is_live():
        say(f"runner: {job.job.job_id} is {job_word(job)}: what it writes is shown once it starts")
    while True:
        live = is_alive(tail)
        tail.poll()
        for attempt in job.attempts[shown:]:
            over = attempt.finished is not None or not live
            if not printer.began(attempt.number) and attempt.number > 1:
                say(f"runner: attempt {attempt.number}")
            printer.show(attempt.number, over=over)
            shown += over
        if not live or (job.phase in CLOSED and not _may_go_on(tail)):
            break
        time.sleep(tail.source.pace)
    if not job.attempts:
        say(f"runner: {job.job.job_id} has no log: {_why_none(job)}")
    elif job.phase not in CLOSED:
        word = word_in(tail.state, job, died=True)
        say(f"runner: nobody runs {tail.state.run_id} any more; {job.job.job_id} is {word}")


def _may_go_on(tail: Tail) -> bool:
    """Whether nobody runs it, and somebody will: then its jobs may run again."""
    return tail.state.phase in {RunPhase.FINISHED, RunPhase.INTERRUPTED} and is_alive(tail)
