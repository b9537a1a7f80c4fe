"""`runner resume` and `runner retry`: go on with a run that exists."""

from __future__ import annotations

import click

from runner import run_here
from runner.cli.execution import execute, exit_code, taken_up
from runner.cli.freshness import changed
from runner.cli.options import json_option, parallel_option
from runner.cli.terminal import say
from runner.cli.which import run_argument, run_directory
from runner.model import Plan
from runner.report.wording import run_said
from runner.run_here import Here
from runner.state import RunPhase


@click.command()
@run_argument
@parallel_option
@json_option
def resume(run: str | None, max_parallel: int | None, *, as_json: bool) -> int:
    """Go on with a run that was interrupted.

    What is finished stays finished; attempts that were cut off run again without using up a retry. The run
    keeps its plan, also where the queue file has changed since.
    A run that is over is left alone: its exit code is returned.
    """
    here, plan, state = taken_up(run_directory(run), max_parallel)
    if state.phase is RunPhase.FINISHED:
        say(f"runner: {state.run_id} is over, it {run_said(state)}; nothing to do")
        return exit_code(state)
    _say_if_changed(here, plan)
    return execute(here, plan, lambda h, view: run_here.resume(h, on_events=view), as_json=as_json)


@click.command()
@run_argument
@click.argument("job_ids", nargs=-1, metavar="[JOB]...")
@parallel_option
@json_option
def retry(run: str | None, job_ids: tuple[str, ...], max_parallel: int | None, *, as_json: bool) -> int:
    """Run the failed jobs of a run again, and what depends on them.

    With JOB only those, whatever their outcome was. Attempt numbers go on; retries and timeouts begin anew.
    """
    here, plan, _ = taken_up(run_directory(run, ("retry", job_ids)), max_parallel)
    _say_if_changed(here, plan)
    return execute(
        here,
        plan,
        lambda h, view: run_here.retry(h, job_ids, on_events=view),
        as_json=as_json,
    )


def _say_if_changed(here: Here, plan: Plan) -> None:
    said = changed(plan, here.checkout)
    if said:
        say(f"runner: {said}")
