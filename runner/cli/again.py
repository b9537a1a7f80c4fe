"""`runner resume` and `runner retry`: go on with a run that exists."""

from __future__ import annotations

import json

import click

from runner import run_here
from runner.cli.execution import execute, exit_code, taken_up
from runner.cli.freshness import changed
from runner.cli.options import here as here_now
from runner.cli.options import json_option, parallel_option
from runner.cli.terminal import say
from runner.cli.which import run_argument, run_directory
from runner.driving import Here
from runner.errors import FAILED, SUCCEEDED, UsageError
from runner.model import Plan
from runner.report.wording import run_said
from runner.run_here import check_known
from runner.runs.opening import SCHEME, in_bucket
from runner.runs.reading import read
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
    if run is not None and run.startswith(SCHEME):
        return _elsewhere(run, "run", (), max_parallel, as_json=as_json)
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
    if run is not None and run.startswith(SCHEME):
        return _elsewhere(run, "retry", job_ids, max_parallel, as_json=as_json)
    here, plan, _ = taken_up(run_directory(run, ("retry", job_ids)), max_parallel)
    _say_if_changed(here, plan)
    return execute(
        here,
        plan,
        lambda h, view: run_here.retry(h, job_ids, on_events=view),
        as_json=as_json,
    )


def _elsewhere(
    url: str, action: str, job_ids: tuple[str, ...], max_parallel: int | None, *, as_json: bool
) -> int:
    """On a new machine of the cloud: nobody waits for it here. JSON as `runner launch` has it."""
    if max_parallel is not None:
        raise UsageError(
            "--max-parallel is for runs on this machine",
            hint="leave it out: the run keeps what its queue says",
        )
    # Imported here: the SDK takes longer to load than a run on this machine to begin.
    from runner.cli.cloud import run_id_at, site_of  # noqa: PLC0415
    from runner.machines.beginning import go_on  # noqa: PLC0415

    site = site_of(here_now())
    _, state = read(in_bucket(url))
    check_known(state, job_ids)
    done = go_on(run_id_at(url, site), site, action=action, job_ids=job_ids, by="runner " + action)
    if as_json:
        shown = {"run_id": state.run_id, "instance_id": done.instance_id, "results": url}
        click.echo(json.dumps(shown, indent=2))
    if not done.goes_on and done.said:  # it was opened again, and no machine was to be had
        say(f"runner: {done.said}")
        return FAILED
    if not done.goes_on:
        say(f"runner: {state.run_id} is over, it {run_said(state)}; nothing to do")
        return exit_code(state)
    if not as_json:
        click.echo(f"{state.run_id}: {done.said or done.words}")
        click.echo(f"watch it: runner status --watch {url}")
    return SUCCEEDED


def _say_if_changed(here: Here, plan: Plan) -> None:
    said = changed(plan, here.checkout)
    if said:
        say(f"runner: {said}")
