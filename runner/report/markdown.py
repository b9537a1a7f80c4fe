"""The final report of a run, as Markdown: the verdict first, what failed and why, then everything else.

Whatever a job wrote stands in a fence or a code span, so it can be no link, mention, HTML or heading.
"""

from __future__ import annotations

from runner.model import Plan
from runner.report.commands import Commands
from runner.report.evidence import Evidence
from runner.report.machines import machine_facts
from runner.report.markdown_failures import Style, allowed, failures, skipped_alone
from runner.report.markdown_tables import files, jobs, summaries
from runner.report.markdown_time import time_spent
from runner.report.markdown_top import facts, headline
from runner.report.roots import roots
from runner.report.wording import tally, took
from runner.state import RunState


def text(plan: Plan, state: RunState, evidence: Evidence, now: float, *, place: str = "") -> str:
    """The whole report, for a run in any state. `place`: how commands name it where not by its id."""
    commands = Commands(place=place)
    found = roots(state)
    sections = [
        ("", _top(plan, state, now, commands)),
        ("What went wrong", failures(state, found, evidence, Style(commands=commands))),
        ("Failures that are allowed", allowed(found)),
        ("Skipped for other reasons", skipped_alone(found)),
        ("Summaries", summaries(state, evidence)),
        ("Result files", files(state, evidence)),
        ("Jobs", jobs(state)),
        ("Time", time_spent(state, now)),
    ]
    return "\n\n".join(f"## {title}\n\n{body}" if title else body for title, body in sections if body) + "\n"


def _top(plan: Plan, state: RunState, now: float, commands: Commands) -> str:
    rows = [
        f"# {headline(plan, state)}",
        "",
        f"**{tally(state)}** after {took(state, now)}.",
        "",
        *(f"- {row}" for row in (*facts(plan, state, commands), *machine_facts(state, now))),
    ]
    return "\n".join(rows)
