"""`runner doctor`: what is missing, each with its fix."""

from __future__ import annotations

from pathlib import Path

import click

from runner.cli.options import environ, json_option
from runner.clock import SystemClock
from runner.errors import FAILED, SUCCEEDED
from runner.setup import checks, diagnosis, looking


@click.command()
@json_option
def doctor(*, as_json: bool) -> int:
    """Say what is missing here, on GitHub, at AWS, each with its fix.

    Looks at this machine, the settings, the queues and the workflows; with GITHUB_TOKEN set also at the
    repository on GitHub (GITHUB_REPOSITORY, else that of the remote `origin`); where machines of AWS are set
    up, at the account, with the SDK's credentials, for 15 seconds at most. Changes nothing; in the bucket it
    writes one small object, and deletes it. Exit code 1 with problems, 0 with warnings alone.
    """
    groups = checks.check(looking.look(Path.cwd(), environ(), SystemClock()))
    click.echo(diagnosis.as_json(groups) if as_json else diagnosis.text(groups))
    return FAILED if checks.blocks(groups) else SUCCEEDED
