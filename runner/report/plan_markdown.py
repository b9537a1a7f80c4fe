"""A plan as Markdown: verdict, digest, changes, jobs, graph, warnings, commands."""

from __future__ import annotations

from runner.plan import Preview
from runner.report.budget import LIMIT, fit, joined
from runner.report.plan_parts import plan_sections


def plan_markdown(preview: Preview, *, limit: int = LIMIT) -> str:
    """The report, at most `limit` UTF-16 units long where it can be. Ends with a newline.

    What is left out first is the commands, then the chart, then the table of jobs; the report says so.
    """
    return fit(plan_sections(preview), joined, limit=limit)
