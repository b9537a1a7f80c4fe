"""`runner reap`: end what should not be alive."""

from __future__ import annotations

import click

from runner.cli.cloud import site_of
from runner.cli.options import here
from runner.cli.terminal import say
from runner.errors import SUCCEEDED
from runner.machines.reaping import reap as reaped


@click.command()
@click.option("--region", "regions", multiple=True, metavar="REGION", help="Look there, too.")
def reap(regions: tuple[str, ...]) -> int:
    """End machines in the cloud that work for no run.

    Those of this repository, older than 15 minutes, whose run is over, unknown, or elsewhere by now, and
    those past their time to live. Machines without this repository's tag are never touched.
    """
    site = site_of(here())
    ended = reaped(site, regions)
    for one in ended:
        click.echo(f"{one.instance.id}: ended, because {one.why}")
    if not ended:
        say(f"runner: no machine of {site.repository} is alive without a run")
    return SUCCEEDED
