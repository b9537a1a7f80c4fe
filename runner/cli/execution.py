"""What `run`, `resume`, `retry` and `cancel` share: a view while the run is live, reports when it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import click

from runner.cli.funnel import drop
from runner.cli.options import environ
from runner.cli.secrets import SecretsOfUser
from runner.cli.terminal import say
from runner.cli.views import View, view
from runner.clock import SystemClock
from runner.driving import Here
from runner.errors import FAILED, INTERRUPTED, SUCCEEDED, RunnerError
from runner.model import Outcome, Plan
from runner.report import json_report
from runner.report.closing import closing
from runner.reports import write_from
from runner.runs.files import durations, evidence
from runner.runs.places import HOME, list_runs
from runner.runs.reading import read
from runner.state import RunPhase, RunState

Action = Callable[[Here, View], RunState | None]
_LARGEST_REPORT = 8_000_000
"""Bytes; an older report beyond this is not read for an estimate: the run should start now."""


def execute(here: Here, plan: Plan, action: Action, *, as_json: bool) -> int:
    """Do `action` under a view, write the reports, say how it ended; the command's exit code."""
    out = sys.stderr if as_json else sys.stdout
    with view(out, here.directory, earlier(here, plan.queue.queue_id)) as watching:
        state = action(replace(here, notice=watching.notice), watching)
        if state is not None:
            watching.close(state)
    return finish(here, plan, state, out, as_json=as_json) if state is not None else SUCCEEDED


def taken_up(directory: Path, max_parallel: int | None = None) -> tuple[Here, Plan, RunState]:
    """An existing run, to be carried on where it was started."""
    plan, state = read(directory)
    checkout = Path(state.checkout) if state.checkout else Path.cwd()
    place = Here(
        directory=directory,
        checkout=checkout,
        environ=environ(),
        max_parallel=max_parallel,
        secrets=SecretsOfUser(checkout),
    )
    return place, plan, state


def finish(here: Here, plan: Plan, state: RunState, out: TextIO, *, as_json: bool) -> int:
    """Reports into the run's directory, last words to `out`; with `as_json` a report to standard output."""
    found = evidence(here.directory, state)
    try:
        report = str(write_from(here.directory, plan, state, found))
    except RunnerError as error:  # the run is what counts; its report can be made again
        say(f"runner: {error.message}")
        report = ""
    now = SystemClock().now()
    try:
        for line in closing(state, now, ref=reference(here, state), report=report):
            click.echo(line, file=out)
        if out is not None:  # as with `>&-`
            out.flush()
    except OSError:  # nobody reads any more: how the run ended is what the exit code says
        drop(out)
    if as_json:
        click.echo(json_report.text(plan, state, found, now), nl=False)
    return exit_code(state)


def exit_code(state: RunState) -> int:
    if state.phase is RunPhase.INTERRUPTED:
        return INTERRUPTED
    return SUCCEEDED if state.outcome is Outcome.SUCCEEDED else FAILED


def reference(here: Here, state: RunState) -> str:
    """How the user names this run in the next command: its id where that finds it, else its directory."""
    at_home = here.directory == here.checkout / HOME / state.run_id
    return state.run_id if at_home else str(here.directory)


def earlier(here: Here, queue_id: str) -> dict[str, float]:
    """How long the jobs of this queue took in its newest run; nothing where that is not known."""
    for place in list_runs(here.checkout):
        report = place.directory / "report.json"
        if place.directory == here.directory or not place.run_id.startswith(f"{queue_id}-"):
            continue
        try:
            if report.stat().st_size <= _LARGEST_REPORT:
                return durations(place.directory)
        except OSError:
            continue
    return {}
