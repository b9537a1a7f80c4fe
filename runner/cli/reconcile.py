"""`runner reconcile`: bring every run in the cloud up to date."""

from __future__ import annotations

import click

from runner.cli.cloud import site_of
from runner.cli.options import here
from runner.cli.terminal import say
from runner.errors import OPERATIONAL, SUCCEEDED, RunnerError
from runner.machines.caring import care, is_done, let_go
from runner.machines.live import marked
from runner.machines.reaping import reap
from runner.report.wording import counted


@click.command()
def reconcile() -> int:
    """Bring every run in the cloud up to date.

    Safe at any time, and twice at once. A run whose machine is gone or silent gets another one, or is ended
    as lost; a launch that was cut off is done; machines without a run are ended. What pull requests show is
    brought up to date by the workflow, which does this too.
    """
    site = site_of(here())
    marks, failed = marked(site), False
    for live, found in care(marks, site):
        if isinstance(found, RunnerError):
            failed = True
            say(f"runner: {live.run_id}: {found.message}" + (f"; {found.hint}" if found.hint else ""))
            continue
        words = found.said or found.words
        click.echo(f"{live.run_id}: {found.standing.name.lower()}" + (f", {words}" if words else ""))
        if is_done(found) and not live.commit:
            let_go(live.run_id, site)
    for one in reap(site):
        click.echo(f"{one.instance.id}: ended, because {one.why}")
    if not marks:
        say(f"runner: no run of {site.repository} is open")
    elif len(marks) > 1:
        say(f"runner: {counted(len(marks), 'run')} looked at")
    return OPERATIONAL if failed else SUCCEEDED
