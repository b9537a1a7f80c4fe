"""`runner plan`: what a queue file would run, and what changed."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import click

from runner import checkout as checkouts
from runner import plan as plans
from runner.bundle import missed
from runner.cli import planning
from runner.cli.options import params_option, strict_option
from runner.cli.queues import Surroundings, refused, show
from runner.cli.terminal import say
from runner.errors import FAILED, UsageError
from runner.model import Queue

_WITH_IT = ("templates", ".github/runner.yaml")
"""What else makes a queue what it is; taken from the same revision."""


@click.command()
@click.argument("source", metavar="FILE")
@params_option
@click.option("--base", metavar="REV", help="Say what changed since this commit, branch or tag.")
@click.option("--format", "form", type=click.Choice(planning.FORMATS), default="text", show_default=True)
@strict_option
def plan(source: str, params: dict[str, str], base: str | None, form: str, *, strict: bool) -> int:
    """Show what a queue file would run, without running it.

    FILE is a queue file, - is standard input. Shown are the graph, its critical path, bounds of time and
    cost, the attempts of each job, and with --base what changed.
    """
    surroundings = Surroundings.look()
    prepared = surroundings.prepare(source, params=params, require_params=True)
    if prepared.queue is not None:
        found = missed.problems(prepared.queue, surroundings.checkout, surroundings.git.sha, source)
        prepared = replace(prepared, problems=[*prepared.problems, *found])
    show(prepared)
    if prepared.queue is None or refused(prepared.problems, strict=strict):
        return FAILED
    changes = None
    if base is not None:
        old = _old(source, params, base, surroundings)
        changes = plans.compare(old, prepared.queue)
    made = planning.plan_of(surroundings, prepared, prepared.queue, source)
    region = prepared.config.account.region
    preview = planning.preview(
        made, region=region, changes=changes, base=base or "", problems=prepared.problems
    )
    planning.write(preview, form)
    return 0


def _old(source: str, params: dict[str, str], base: str, surroundings: Surroundings) -> Queue | None:
    """The queue as it was at `base`; None where the file did not exist, or could not be run then."""
    if source == "-":
        raise UsageError("--base needs a file: standard input has no history", hint="plan a FILE")
    try:
        name = str(Path(source).resolve().relative_to(surroundings.checkout))
    except ValueError:
        raise UsageError(
            f"{source} is not in {surroundings.checkout}, so it has no {base} to compare with",
            hint="leave --base away",
        ) from None
    with tempfile.TemporaryDirectory(prefix="runner-base-") as folder:
        target = Path(folder).resolve()
        if name not in checkouts.extract(surroundings.checkout, base, [name, *_WITH_IT], target):
            return None
        then = replace(surroundings, checkout=target)
        prepared = then.prepare(str(target / name), params=params, require_params=False)
    if prepared.queue is None:
        say(f"runner: {source} was not valid at {base}: everything counts as added")
    return prepared.queue
