"""`runner report`: any projection of a run, at any time."""

from __future__ import annotations

import click

from runner.cli.which import run_argument, run_directory
from runner.clock import SystemClock
from runner.errors import UsageError
from runner.report import json_report, junit, markdown
from runner.runs.files import evidence
from runner.runs.reading import read


@click.command()
@run_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "html", "json", "junit"]),
    default="markdown",
    show_default=True,
)
def report(run: str | None, form: str) -> int:
    """Write the report of a run.

    To standard output, from the log alone, also while the run is live.
    """
    if form == "html":
        raise UsageError("this version writes no HTML", hint="use --format markdown, json or junit")
    directory = run_directory(run)
    plan, state = read(directory)
    found, now = evidence(directory, state), SystemClock().now()
    if form == "json":
        text = json_report.text(plan, state, found, now)
    elif form == "junit":
        text = junit.text(state, found, now)
    else:
        text = markdown.text(plan, state, found, now)
    click.echo(text, nl=False)
    return 0
