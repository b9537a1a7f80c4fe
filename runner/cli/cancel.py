"""`runner cancel`: stop a run from any terminal."""

from __future__ import annotations

import getpass
import socket

import click

from runner import run_here
from runner.cli import alive
from runner.cli.execution import execute, taken_up
from runner.cli.options import here as checkout
from runner.cli.terminal import say
from runner.cli.views import View
from runner.cli.which import run_argument, run_source
from runner.driving import Here
from runner.errors import RefusedError, RunnerError
from runner.runs.reading import Tail
from runner.runs.source import RunSource
from runner.state import RunPhase, RunState


@click.command()
@run_argument
@click.argument("job_ids", nargs=-1, metavar="[JOB]...")
def cancel(run: str | None, job_ids: tuple[str, ...]) -> int:
    """Stop a run, or some jobs of it; its cleanup still runs.

    Running jobs end, pending ones are skipped, jobs that always run do so; a second cancel ends those too.
    A run that nobody runs any more is taken up for its cleanup.
    """
    source = run_source(run, ("cancel", job_ids))
    if source.directory is None:
        return _ask(source, job_ids)
    here, plan, state = taken_up(source.directory)

    def action(place: Here, view: View) -> RunState | None:
        ended = run_here.cancel(place, job_ids, by=_by(), on_events=view)
        if ended is None:
            _say_asked(state.run_id, job_ids, state.run_id)
        return ended

    return execute(here, plan, action, as_json=False)


def _ask(source: RunSource, job_ids: tuple[str, ...]) -> int:
    """A run of another machine: only whoever runs it can end it."""
    tail = Tail(source)  # and not a copy of the source: what was read says whether somebody runs it
    tail.poll()
    state = tail.state
    run_here.check_known(state, job_ids)
    is_alive = alive.is_alive(tail)
    if state.phase is RunPhase.FINISHED and not is_alive:
        raise RefusedError(f"run {state.run_id} is over ({state.outcome}): there is nothing to cancel")
    if not is_alive and not _goes_on(str(source)):
        raise RefusedError(
            f"nobody runs {state.run_id} any more: there is nobody to ask",
            hint=f"see how it stands: runner status {source}",
        )
    source.request({"type": "cancel", "job_ids": list(job_ids), "by": _by()})
    _say_asked(state.run_id, job_ids, str(source))
    if state.phase is RunPhase.REQUESTED and not job_ids:
        say("  its machine reads that once it has booted; this does it at once: runner reconcile")
    return 0


def _goes_on(url: str) -> bool:
    """Whether the run has a machine, or will get one that reads what is asked; as far as it can be told."""
    # Imported here: the SDK takes longer to load than a run on this machine to be asked.
    from runner.cli.cloud import run_id_at, site_of  # noqa: PLC0415
    from runner.machines.advancing import look_at  # noqa: PLC0415
    from runner.machines.standing import ENDED  # noqa: PLC0415

    try:
        site = site_of(checkout())
        return look_at(run_id_at(url, site), site).standing not in ENDED
    except RunnerError:
        return False


def _say_asked(run_id: str, job_ids: tuple[str, ...], ref: str) -> None:
    say(f"runner: asked {run_id} to cancel {', '.join(job_ids) or 'it'}; see: runner status {ref}")


def _by() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        name = "unknown"
    return f"{name} on {socket.gethostname()}"
