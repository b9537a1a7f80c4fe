"""`runner status`: how a run stands, once or for as long as it lives."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from runner.cli.alive import awaited_machine, is_alive
from runner.cli.execution import earlier, reference
from runner.cli.options import environ, json_option
from runner.cli.terminal import is_terminal
from runner.cli.views import view
from runner.cli.which import run_argument, run_source
from runner.clock import SystemClock
from runner.driving import Here
from runner.errors import UsageError
from runner.report import json_report
from runner.report.awaited import Awaited
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
from runner.runs.files import evidence
from runner.runs.reading import Tail
from runner.runs.source import RunSource
from runner.state import JobState, Phase, RunPhase, RunState
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
    source = run_source(run)
    tail = Tail(source)
    tail.poll()
    machine = awaited_machine(source, tail.plan)
    if as_json:
        found = evidence(source, tail.state)
        click.echo(json_report.text(tail.plan, tail.state, found, _now(tail), awaited=machine), nl=False)
        return 0
    if machine is not None:
        click.echo(f"machine: {machine.words}")
    if watch and is_alive(tail):
        if machine is not None and tail.state.phase is RunPhase.REQUESTED:
            _await(tail, machine)
        _watch(tail)
    else:
        for line in _table(tail.state, _now(tail), died=_died(tail)):
            click.echo(line)
    _last_words(tail)
    return 0


def _now(tail: Tail) -> float:
    """The clock of a run that died stood still with its log."""
    return tail.state.last_at if _died(tail) else SystemClock().now()


def _died(tail: Tail) -> bool:
    return tail.state.phase in {RunPhase.LIVE, RunPhase.REQUESTED} and not is_alive(tail)


def _await(tail: Tail, known: Awaited) -> None:
    """Until the machine says its first word, or is late: a line for each step on the way."""
    while not known.is_late:
        time.sleep(max(_POLL, tail.source.pace))
        tail.poll()
        machine = awaited_machine(tail.source, tail.plan)
        if machine is None:
            return
        if machine.step != known.step:
            click.echo(f"machine: {machine.words}")
        known = machine


def _watch(tail: Tail) -> None:
    source, state = tail.source, tail.state
    if not is_terminal(sys.stdout):  # a frame shows what was before, lines only what comes
        click.echo(verdict(state, SystemClock().now()))
    with view(sys.stdout, source, _before(source, state)) as watching:
        live = True
        while live:
            live = is_alive(tail)  # asked before the log is read, so that nothing it wrote is missed
            watching(state, tail.poll())
            live = live and (state.phase is not RunPhase.FINISHED or is_alive(tail))
            if live:
                time.sleep(max(_POLL, source.pace))
        watching.close(state, died=_died(tail))


def _before(source: RunSource, state: RunState) -> dict[str, float]:
    """How long the jobs took in an earlier run, where there are earlier runs beside this one."""
    directory = source.directory
    return earlier(_place(directory, state), state.queue.queue_id) if directory is not None else {}


def _place(directory: Path, state: RunState) -> Here:
    return Here(directory=directory, checkout=Path(state.checkout or "."), environ=environ())


def _last_words(tail: Tail) -> None:
    source, state = tail.source, tail.state
    directory = source.directory
    ref = reference(_place(directory, state), state) if directory is not None else str(source)
    for line in closing(state, _now(tail), ref=ref, report=source.report(), died=_died(tail)):
        click.echo(line)


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
