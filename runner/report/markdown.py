"""The final report of a run, as Markdown: the verdict first, what failed and why, then everything else.

Whatever a job wrote stands in a fence or a code span, so it can be no link, mention, HTML or heading.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from runner import plan as plans
from runner.model import Outcome, Plan
from runner.report.escaping import code
from runner.report.evidence import Evidence
from runner.report.markdown_failures import failures
from runner.report.markdown_tables import files, jobs, summaries
from runner.report.roots import roots
from runner.report.timing import slowest_path, span
from runner.report.wording import RUN_PHASE, tally
from runner.state import RunPhase, RunState
from runner.units import format_duration

_HEADLINE = {
    Outcome.SUCCEEDED: "✅ {} succeeded",
    Outcome.FAILED: "❌ {} failed",
    Outcome.TIMED_OUT: "❌ {} timed out",
    Outcome.CANCELLED: "🚫 {} was cancelled",
}
_PATH = 12
"""Jobs of the slowest path that are named; of a longer one the beginning and the end."""


def text(plan: Plan, state: RunState, evidence: Evidence, now: float) -> str:
    """The whole report, for a run in any state."""
    found = roots(state)
    sections = [
        _top(plan, state, now),
        failures(state, found, evidence),
        summaries(state, evidence),
        files(state, evidence),
        jobs(state),
        _time(state, now),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _top(plan: Plan, state: RunState, now: float) -> str:
    title = code(plan.queue.queue_name)
    head = _HEADLINE[state.outcome] if state.outcome in _HEADLINE else "{} is " + RUN_PHASE[state.phase]
    rows = [
        f"# {head.format(title)}",
        "",
        f"**{tally(state)}** after {format_duration(state.elapsed(now))}.",
        "",
        *(f"- {row}" for row in _facts(plan, state)),
    ]
    return "\n".join(rows)


def _facts(plan: Plan, state: RunState) -> Iterator[str]:
    yield f"Run {code(state.run_id)} of queue {code(plan.queue.queue_id)} from {code(plan.source)}"
    if plan.git.sha:
        branch = f" on {code(plan.git.branch)}" if plan.git.branch else ""
        yield f"Commit {code(plan.git.sha[:12])}{branch}"
    if state.started_at:
        ended = f", ended {_clock(state.finished_at)}" if state.finished_at else ""
        yield f"Started {_clock(state.started_at)}{ended}, at most {state.max_parallel} at a time"
    if state.phase is RunPhase.INTERRUPTED:
        yield f"Interrupted ({code(state.interrupted)}); go on with {code(f'runner resume {state.run_id}')}"
    if state.cancels:
        yield "Cancelled" + (f" by {code(state.cancelled_by)}" if state.cancelled_by else "")
    if state.timed_out_at is not None:
        yield f"The queue's timeout was over after {format_duration(state.timed_out_at)}"
    if plan.digest:
        yield f"Plan {code(plan.digest)}"


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


def _time(state: RunState, now: float) -> str:
    way = slowest_path(state)
    if not way:
        return ""
    took = format_duration(state.elapsed(now))
    steps = [f"{code(job.job.job_id)} {format_duration(span(job))}" for job in way]
    if len(steps) > _PATH:
        half = _PATH // 2
        steps = [*steps[:half], f"… {len(steps) - 2 * half} more …", *steps[-half:]]
    rows = ["## Time", "", f"- Slowest path: {' → '.join(steps)}", f"- {_bound(state)}; it took {took}."]
    return "\n".join(rows)


def _bound(state: RunState) -> str:
    bound = plans.analyse(state.queue, slots=state.max_parallel or None).bound.seconds
    if bound is None:
        return "The plan had no bound on the time"
    return f"By the plan at most {format_duration(bound)}"
