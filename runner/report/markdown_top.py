"""How a report begins: the verdict in one line, and what run it is about."""

from __future__ import annotations

import time
from collections.abc import Iterator

from runner.model import Outcome, Plan
from runner.report.commands import COMMENT, SHELL, Commands
from runner.report.escaping import code
from runner.report.wording import RUN_PHASE
from runner.state import RunPhase, RunState
from runner.units import format_duration

_HEADLINE = {
    Outcome.SUCCEEDED: "✅ {} succeeded",
    Outcome.FAILED: "❌ {} failed",
    Outcome.TIMED_OUT: "❌ {} timed out",
    Outcome.CANCELLED: "🚫 {} was cancelled",
    Outcome.LOST: "❌ {} was lost",
}


def headline(plan: Plan, state: RunState) -> str:
    """Always with its word: a sign alone says nothing to many."""
    title = code(plan.queue.queue_name) or code(plan.queue.queue_id)
    if state.phase is RunPhase.INTERRUPTED:
        return f"{title} was interrupted"
    form = _HEADLINE[state.outcome] if state.outcome in _HEADLINE else "{} is " + RUN_PHASE[state.phase]
    return form.format(title)


def facts(plan: Plan, state: RunState, commands: Commands = SHELL) -> Iterator[str]:
    yield f"Run {code(state.run_id)} of queue {code(plan.queue.queue_id)} from {code(plan.source)}"
    if plan.git.sha:
        branch = f" on {code(plan.git.branch)}" if plan.git.branch else ""
        yield f"Commit {code(plan.git.sha[:12])}{branch}"
    if state.started_at:
        ended = f", ended {clock(state.finished_at)}" if state.finished_at else ""
        yield f"Started {clock(state.started_at)}{ended}, at most {state.max_parallel} at a time"
    if state.phase is RunPhase.INTERRUPTED:
        go_on = code(commands.resume(state.run_id))
        yield f"Interrupted ({code(state.interrupted)}); go on with {go_on}"
    if state.cancels:
        yield "Cancelled" + (f" by {code(state.cancelled_by)}" if state.cancelled_by else "")
    if state.timed_out_at is not None:
        yield f"The queue's timeout was over after {format_duration(state.timed_out_at)}"
    if plan.digest:
        yield f"Plan {code(plan.digest)}"


def interrupted_in_words(run_id: str) -> str:
    """Why a run of a workflow was cut off, what that means, and what to type."""
    why = (
        "It was interrupted: the workflow was cancelled, ran into its time limit, or lost its machine. "
        "Finished jobs are kept; the others start again from their beginning."
    )
    return f"{why}\n\n{COMMENT.asked_for('go on with it', COMMENT.resume(run_id))}"


def clock(at: float) -> str:
    """A moment for people, in UTC, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
