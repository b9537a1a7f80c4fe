"""The final comment of a run: the verdict, what failed and what to type, then everything else, folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from runner import layouts
from runner.model import Outcome, Plan
from runner.report import markers
from runner.report.budget import ESSENTIAL, LIMIT, Section, fit, missing
from runner.report.commands import COMMENT
from runner.report.escaping import fence
from runner.report.evidence import Evidence
from runner.report.gantt import gantt
from runner.report.links import Links, link
from runner.report.machines import course, cut_off_words, machine_facts
from runner.report.markdown_failures import Style, allowed, failures, skipped_alone
from runner.report.markdown_tables import files, jobs, summaries, where_files_are
from runner.report.markdown_time import time_spent
from runner.report.markdown_top import facts, headline
from runner.report.roots import roots
from runner.report.wording import NOT_GOOD, counted, tally, took
from runner.state import RunPhase, RunState

_FAILURES = ((20, 20), (20, 10), (8, 10), (3, 10), (0, 10), (0, 5))
"""How many of the last lines, of how many failures: the ends of logs go before the failures do."""
_SUMMARIES = ((30, 8192), (10, 2000), (5, 500))
_SLOTS = ("failures", "allowed", "alone", "summaries", "files", "time", "gantt", "jobs")


def final_comment(
    plan: Plan,
    state: RunState,
    evidence: Evidence,
    *,
    now: float,
    links: Links | None = None,
    expected: float | None = None,
    limit: int = LIMIT,
) -> str:
    """The comment, with its marker: one per run. `expected`: seconds that earlier runs let us expect.

    `now` counts only where the run is not over.
    """
    links = links or Links()
    sections = [s for s in _sections(state, evidence, links, now, expected) if s.forms[0]]
    values = {
        "marker": markers.line(final_marker(state)),
        "headline": headline(plan, state),
        "tally": tally(state),
        "took": took(state, now),
        "machine": course(state),
        "facts": [*facts(plan, state, COMMENT), *machine_facts(state, now)],
        "go_on": _go_on(state),
        "report": link("The whole report", links.report) if links.report else "",
        "where": where_files_are(state, evidence, links),
        "job_count": counted(len(state.jobs), "job"),
        "told": counted(sum(job_id in evidence.summaries for job_id in state.jobs), "job"),
        "kept": counted(sum(map(len, evidence.files.values())), "file"),
    }
    return fit(sections, partial(_laid_out, values), limit=limit)


def _go_on(state: RunState) -> str:
    """What to type where no failure says it: a run may be cut off without any job having failed."""
    if state.phase is RunPhase.INTERRUPTED:
        return cut_off_words(state)
    failed = any(job.outcome in NOT_GOOD and not job.job.allow_failure for job in state.jobs.values())
    if failed or state.outcome in {None, Outcome.SUCCEEDED}:
        return ""
    return COMMENT.asked_for("run again what did not succeed", COMMENT.retry(state.run_id))


def final_marker(state: RunState) -> markers.Marker:
    """Its generation grows when the run is taken up again and ends once more."""
    return markers.Marker(kind="final", subject=state.run_id, generation=round(state.last_at * 1e6))


def _laid_out(values: Mapping[str, object], forms: Mapping[str, str], left_out: Sequence[str]) -> str:
    slots = {name: forms.get(name, "") for name in _SLOTS}
    return layouts.render("final", {**values, **slots, "missing": missing(left_out)})


def _sections(
    state: RunState, evidence: Evidence, links: Links, now: float, expected: float | None
) -> list[Section]:
    found = roots(state)
    style = Style(commands=COMMENT, links=links)
    told = tuple(
        failures(state, found, evidence, replace(style, lines=lines, shown=shown))
        for lines, shown in _FAILURES
    )
    chart = gantt(state)
    return [
        Section(name="failures", rank=ESSENTIAL, forms=told),
        Section(name="allowed", rank=70, forms=(allowed(found), allowed(found, 5))),
        Section(name="alone", rank=30, title="skipped jobs", forms=(skipped_alone(found), "")),
        Section(
            name="summaries",
            rank=60,
            title="summaries",
            forms=(*(summaries(state, evidence, shown=n, size=size) for n, size in _SUMMARIES), ""),
        ),
        Section(
            name="files",
            rank=50,
            title="result files",
            forms=(*(files(state, evidence, shown=n, links=links) for n in (100, 20, 0)), ""),
        ),
        Section(name="time", rank=80, title="time", forms=(time_spent(state, now, expected=expected), "")),
        Section(name="gantt", rank=20, title="chart", forms=(fence(chart, "mermaid") if chart else "", "")),
        Section(
            name="jobs", rank=10, title="jobs", forms=(jobs(state, shown=100), jobs(state, shown=30), "")
        ),
    ]
