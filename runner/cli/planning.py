"""A plan with its facts and what changed, in any format: for `runner plan` and `runner run --dry-run`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

import click

from runner import plan as plans
from runner.cli.queues import Surroundings
from runner.launching.cost import carried
from runner.model import Plan, Queue
from runner.plan import Changes, Preview
from runner.prepare import Prepared
from runner.problems import Problem
from runner.report.mermaid import flowchart
from runner.report.plan_json import plan_json
from runner.report.plan_markdown import plan_markdown
from runner.report.plan_text import plan_text
from runner.run_here import cpus

FORMATS = ("text", "markdown", "json", "mermaid")


def plan_of(surroundings: Surroundings, prepared: Prepared, queue: Queue, source: str) -> Plan:
    """The plan of a prepared queue. Not in `queues`, because `validate` has no need of plans."""
    return plans.make(
        queue, source=source, git=surroundings.git, volatile=prepared.volatile, tree=prepared.tree
    )


def preview(
    plan: Plan,
    *,
    region: str,
    changes: Changes | None = None,
    base: str = "",
    problems: Sequence[Problem] = (),
) -> Preview:
    """`region`: where machines are launched that name none. How many CPUs those have is not known here."""
    is_here = plan.queue.machine.provider == "local"
    facts = plans.analyse(plan.queue, slots=cpus() if is_here else None)
    return Preview(
        plan=plan,
        facts=facts,
        cost=plans.cost_of(plan.queue, facts.bound, region=region, prices=carried()),
        changes=changes,
        base=base,
        problems=tuple(problems),
    )


def write(made: Preview, form: str) -> None:
    """To standard output, as wide as the terminal, in ASCII where it has no more."""
    if form == "json":
        text = plan_json(made)
    elif form == "markdown":
        text = plan_markdown(made)
    elif form == "mermaid":
        text = flowchart(made.plan.queue)
    else:
        text = plan_text(made, width=_width(), unicode=(sys.stdout.encoding or "").lower().startswith("utf"))
    click.echo(text, nl=not text.endswith("\n"))


def _width() -> int:
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return shutil.get_terminal_size().columns
    return 100
