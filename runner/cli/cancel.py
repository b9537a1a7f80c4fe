"""`runner cancel`: stop a run from any terminal."""

from __future__ import annotations

import getpass
import socket

import click

from runner import run_here
from runner.cli.execution import execute, taken_up
from runner.cli.terminal import say
from runner.cli.views import View
from runner.cli.which import run_argument, run_directory
from runner.run_here import Here
from runner.state import RunState


@click.command()
@run_argument
@click.argument("job_ids", nargs=-1, metavar="[JOB]...")
def cancel(run: str | None, job_ids: tuple[str, ...]) -> int:
    """Stop a run, or some jobs of it; its cleanup still runs.

    Running jobs end, pending ones are skipped, jobs that always run do so; a second cancel ends those too.
    A run that nobody runs any more is taken up for its cleanup.
    """
    here, plan, state = taken_up(run_directory(run, ("cancel", job_ids)))

    def action(place: Here, view: View) -> RunState | None:
        ended = run_here.cancel(place, job_ids, by=_by(), on_events=view)
        if ended is None:
            what = ", ".join(job_ids) or "it"
            say(f"runner: asked {state.run_id} to cancel {what}; see: runner status {state.run_id}")
        return ended

    return execute(here, plan, action, as_json=False)


def _by() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        name = "unknown"
    return f"{name} on {socket.gethostname()}"
