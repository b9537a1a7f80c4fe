"""`runner status`: how a run stands, once or for as long as it lives."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from runner.cli.execution import earlier, reference
from runner.cli.options import environ, json_option
from runner.cli.terminal import is_terminal
from runner.cli.views import view
from runner.cli.which import run_argument, run_directory
from runner.clock import SystemClock
from runner.errors import UsageError
from runner.report import json_report
from runner.report.closing import closing
from runner.report.roots import roots
from runner.report.table import columns
from runner.report.wording import (
    NOT_GOOD,
    counted,
    detail,
    seconds_of,
    soon,
    verdict,
    why_skipped,
    word_in,
)
from runner.run_here import Here
from runner.runs.files import evidence
from runner.runs.reading import Tail
from runner.state import JobState, Phase, RunPhase, RunState
from runner.stores.directory import is_live
from runner.units import format_duration

_POLL = 0.2
_ROWS = 100


@click.command()
@run_argument
@json_option
@click.option("--watch", is_flag=True, help="Show a live run until it is over.")
def status(run: str | None, *, as_json: bool, watch: bool) -> int:
    """Show how a run stands.

    Works on a live run from any terminal. Exit code 0, however the run stands.
    """
    if as_json and watch:
        raise UsageError("--json and --watch do not go together", hint="ask again and again with --json")
    directory = run_directory(run)
    tail = Tail(directory)
    tail.poll()
    if as_json:
        found = evidence(directory, tail.state)
        click.echo(json_report.text(tail.plan, tail.state, found, _now(directory, tail.state)), nl=False)
        return 0
    if watch and is_live(directory):
        _watch(directory, tail)
    else:
        for line in _table(tail.state, _now(directory, tail.state), died=_died(directory, tail.state)):
            click.echo(line)
    _last_words(directory, tail.state)
    return 0


def _now(directory: Path, state: RunState) -> float:
    """The clock of a run that died stood still with its log."""
    return state.last_at if _died(directory, state) else SystemClock().now()


def _died(directory: Path, state: RunState) -> bool:
    return state.phase in {RunPhase.LIVE, RunPhase.REQUESTED} and not is_live(directory)


def _watch(directory: Path, tail: Tail) -> None:
    state = tail.state
    place = _place(directory, state)
    if not is_terminal(sys.stdout):  # a frame shows what was before, lines only what comes
        click.echo(verdict(state, SystemClock().now()))
    with view(sys.stdout, directory, earlier(place, state.queue.queue_id)) as watching:
        while state.phase is not RunPhase.FINISHED:
            live = is_live(directory)
            watching(state, tail.poll())
            if not live:  # asked before the log was read, so that nothing it wrote is missed
                break
            time.sleep(_POLL)
        watching.close(state, died=_died(directory, state))


def _place(directory: Path, state: RunState) -> Here:
    return Here(directory=directory, checkout=Path(state.checkout or "."), environ=environ())


def _last_words(directory: Path, state: RunState) -> None:
    ref = reference(_place(directory, state), state)
    written = _report(directory)
    for line in closing(state, _now(directory, state), ref=ref, report=written, died=_died(directory, state)):
        click.echo(line)


def _report(directory: Path) -> str:
    """Where the report is, if it was written after the last event: an older one tells of another end."""
    report = directory / "report.md"
    try:
        fresh = report.stat().st_mtime_ns >= (directory / "events.jsonl").stat().st_mtime_ns
    except OSError:
        return ""
    return str(report) if fresh else ""


def _table(state: RunState, now: float, *, died: bool) -> list[str]:
    """All jobs, or of a large queue what failed and what is open."""
    jobs = list(state.jobs.values())
    if len(jobs) > _ROWS:
        failed = [root.job for root in roots(state).failed]
        active = [j for j in jobs if j.phase in {Phase.RUNNING, Phase.ENDED, Phase.BACKING_OFF}]
        jobs = [*failed, *active][:_ROWS]
    rest = len(state.jobs) - len(jobs)
    heading = ("JOB", "STATE", "ATTEMPT", "TOOK", "")
    rows = columns([heading, *(_row(job, now, word_in(state, job, died=died)) for job in jobs)])
    return [*rows, f"and {counted(rest, 'more job')}"] if rest else rows


def _row(job: JobState, now: float, word: str) -> tuple[str, str, str, str, str]:
    attempt = str(job.attempt or "")
    took, note = "", ""
    if job.phase is Phase.RUNNING and job.last is not None:
        took = format_duration(max(0.0, now - job.last.started_at))
    elif job.last_ended is not None:
        took = format_duration(seconds_of(job))
    if job.phase is Phase.SKIPPED:
        note = why_skipped(job)
    elif job.phase is Phase.BACKING_OFF:
        note = f"again {soon(job.due_at - now)}"
    elif job.outcome in NOT_GOOD:
        note = detail(job)
    return job.job.job_id, word, attempt, took, note
