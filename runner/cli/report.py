"""`runner report`: any projection of a run, at any time."""

from __future__ import annotations

import click

from runner.cli.which import run_argument, run_source
from runner.clock import SystemClock
from runner.report import json_report, junit, markdown
from runner.runs.files import evidence
from runner.runs.reading import read

FORMATS = ("markdown", "json", "junit")


class _Format(click.Choice):  # type: ignore[type-arg]
    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        if value == "html":
            self.fail(f"a later version will write HTML; this one writes {', '.join(FORMATS)}", param, ctx)
        return super().convert(value, param, ctx)


@click.command()
@run_argument
@click.option(
    "--format",
    "form",
    type=_Format(FORMATS),
    default="markdown",
    show_default=True,
)
def report(run: str | None, form: str) -> int:
    """Write the report of a run.

    To standard output, from the log alone, also while the run is live.
    """
    source = run_source(run)
    plan, state = read(source)
    found, now = evidence(source, state), SystemClock().now()
    if form == "json":
        text = json_report.text(plan, state, found, now)
    elif form == "junit":
        text = junit.text(state, found, now)
    else:
        place = str(source) if source.directory is None else ""
        text = markdown.text(plan, state, found, now, place=place)
    click.echo(text, nl=False)
    return 0
