"""The live comment of a run: how far it is, what failed, what runs, when it may be over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from runner import layouts
from runner.model import Outcome, Plan
from runner.report import markers
from runner.report.budget import ESSENTIAL, LIMIT, Section, fit, missing
from runner.report.commands import COMMENT
from runner.report.escaping import code, fence
from runner.report.estimate import remaining
from runner.report.links import Links, link
from runner.report.machines import (
    UNREADABLE,
    course,
    cut_off_words,
    machine_facts,
    waiting_headline,
    waits_in_full,
)
from runner.report.markdown_top import clock, facts, headline
from runner.report.mermaid import CHART_BELOW, Mark, flowchart
from runner.report.wording import CUT_OFF, NOT_GOOD, detail, is_over, job_word, tally, word_in
from runner.state import JobState, Phase, RunPhase, RunState
from runner.units import format_duration

_FAILED = (40, 12)
_RUNNING = (15, 5)
_SILENT = 180.0
"""Seconds without an event after which silence is worth a word."""


def live_comment(
    plan: Plan,
    state: RunState,
    *,
    now: float,
    before: Mapping[str, float] | None = None,
    links: Links | None = None,
    died: bool = False,
    waiting: str = "",
    limit: int = LIMIT,
) -> str:
    """The comment, with its marker: one per queue of a pull request, whichever run is the newest.

    `before` are seconds by job id of an earlier run, for the time that is left. `died`: nobody runs this run
    any more, though its log does not say so. `waiting`: what it waits for, where nobody runs it yet.
    """
    links = links or Links()
    idle = died or bool(waiting)
    cut_off = state.outcome is None and (died or state.phase is RunPhase.INTERRUPTED)
    values = {
        "marker": markers.line(live_marker(state)),
        "headline": waiting_headline(plan, state) if waiting else headline(plan, state),
        "progress": _progress(state, died=idle),
        "times": _times(state, now, before or {}, waiting),
        "heartbeat": _heartbeat(state, now, died=died),
        "machine": "" if waiting else course(state),
        "facts": [*facts(plan, state, COMMENT), *machine_facts(state)],
        "report": link("The report so far", links.report) if links.report else "",
        "over": is_over(state, died=idle),
        "commands": _commands(state, died=died),
        "go_on": cut_off_words(state) if cut_off else "",
    }
    return fit(_sections(state, links, now, idle=idle), partial(_laid_out, values), limit=limit)


def _sections(state: RunState, links: Links, now: float, *, idle: bool) -> list[Section]:
    found = [
        Section(name="failed", rank=ESSENTIAL, forms=tuple(_failed(state, links, n) for n in _FAILED)),
        Section(
            name="running",
            rank=30,
            title="running jobs",
            forms=tuple(_running(state, now, n, died=idle) for n in _RUNNING),
        ),
        Section(name="graph", rank=10, title="graph", forms=(_graph(state, died=idle), "")),
    ]
    return [section for section in found if section.forms[0]]


def live_marker(state: RunState) -> markers.Marker:
    """Its generation is the newest event's time in microseconds, which also grows from run to run."""
    return markers.Marker(
        kind="live",
        subject=state.queue.queue_id,
        generation=round(state.last_at * 1e6),
        run=state.run_id,
    )


def _laid_out(values: Mapping[str, object], forms: Mapping[str, str], left_out: Sequence[str]) -> str:
    slots = {name: forms.get(name, "") for name in ("failed", "running", "graph")}
    return layouts.render("live", {**values, **slots, "missing": missing(left_out)})


def _progress(state: RunState, *, died: bool) -> str:
    done = len(state.jobs) - state.open_jobs
    return f"{done:,} of {len(state.jobs):,} jobs done: {tally(state, died=died)}"


def _times(state: RunState, now: float, before: Mapping[str, float], waiting: str) -> str:
    if waiting:
        spent = f"{format_duration(state.elapsed(now))} so far. " if state.started_at else ""
        return f"{spent}{waits_in_full(state, waiting)}"
    if state.phase is RunPhase.REQUESTED:
        return "Not started yet"
    elapsed = f"{format_duration(state.elapsed(now))} so far"
    left = remaining(state, before, now) if state.phase is RunPhase.LIVE else None
    return f"{elapsed}, about {format_duration(left)} to go" if left else elapsed


def _heartbeat(state: RunState, now: float, *, died: bool) -> str:
    if not state.seq and state.requested_at and not died:
        return f"Asked for {clock(state.requested_at)}; written {clock(now)}"
    if died and state.interrupted.startswith(UNREADABLE):
        return f"**It cannot be followed any further.** The last sign of life was at {clock(state.last_at)}"
    if died:
        return f"**Its runner is gone.** The last sign of life was at {clock(state.last_at)}"
    silence = max(0.0, now - state.last_at)
    quiet = f", {format_duration(silence)} ago" if silence > _SILENT else ""
    return f"Last sign of life {clock(state.last_at)}{quiet}; written {clock(now)}"


def _commands(state: RunState, *, died: bool) -> str:
    over = is_over(state, died=died) or state.outcome is not None
    return "" if over else f"Stop it: {code(COMMENT.cancel(state.run_id))}"


def _failed(state: RunState, links: Links, shown: int) -> str:
    failed = [job for job in state.jobs.values() if job.outcome in NOT_GOOD]
    failed.sort(key=lambda job: (job.job.allow_failure, job.finished_at))
    return _table("how it ended", failed, [_failed_row(job, links) for job in failed[:shown]])


def _failed_row(job: JobState, links: Links) -> str:
    told = [job_word(job), code(detail(job), cell=True), "may fail" if job.job.allow_failure else ""]
    log = links.log(job.job.job_id)
    return " | ".join(
        (code(job.job.job_id, cell=True), ", ".join(filter(None, told)), str(job.attempt or ""), log)
    )


def _running(state: RunState, now: float, shown: int, *, died: bool) -> str:
    """What runs, the longest first; then what waits for its next attempt."""
    active = [j for j in state.jobs.values() if j.phase in {Phase.RUNNING, Phase.ENDED, Phase.BACKING_OFF}]
    active.sort(key=lambda job: (job.phase is Phase.BACKING_OFF, job.attempts[-1].started_at))
    return _table("since", active, [_running_row(state, job, now, died=died) for job in active[:shown]])


def _running_row(state: RunState, job: JobState, now: float, *, died: bool) -> str:
    last = job.attempts[-1]
    if is_over(state, died=died):
        since = f"{CUT_OFF}, started {clock(last.started_at)}"
    elif job.phase is Phase.BACKING_OFF:
        since = f"next attempt in {format_duration(max(0.0, job.due_at - now))}"
    else:
        since = f"{job_word(job)} for {format_duration(max(0.0, now - last.started_at))}"
    limit = f"at most {format_duration(job.job.timeout)}" if job.job.timeout else ""
    return " | ".join((code(job.job.job_id, cell=True), since, str(job.attempt), limit))


def _table(title: str, jobs: Sequence[JobState], rows: Sequence[str]) -> str:
    if not rows:
        return ""
    rest = len(jobs) - len(rows)
    more = f"\n\nand {rest:,} more" if rest else ""
    listed = "\n".join(f"| {row} |" for row in rows)
    return f"| job | {title} | attempt | |\n|---|---|---|---|\n{listed}{more}"


def _graph(state: RunState, *, died: bool) -> str:
    if not 1 < len(state.jobs) < CHART_BELOW:
        return ""
    marks = {job_id: _mark(state, job, died=died) for job_id, job in state.jobs.items()}
    return fence(flowchart(state.queue, marks), "mermaid")


def _mark(state: RunState, job: JobState, *, died: bool) -> Mark:
    word = word_in(state, job, died=died)
    if job.outcome in NOT_GOOD or word == CUT_OFF:
        return Mark(words=word, style="bad")
    if job.outcome is Outcome.SKIPPED:
        return Mark(words=word, style="off")
    if job.outcome is not None:
        return Mark(words=word, style="good")
    return Mark(words=word, style="busy" if job.phase in {Phase.RUNNING, Phase.ENDED} else "open")
