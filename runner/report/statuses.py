"""A run as commit statuses: `runner/QUEUE` and `runner/QUEUE/JOB`, or groups where there are many jobs.

GitHub keeps 1,000 statuses of a commit and context and takes few writes a minute, so a text changes only when
something is worth a write: while jobs run the counts are rounded, in the end they are exact.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from runner.model import FAILED_FOR_GOOD, Outcome
from runner.report import clean
from runner.report.grouping import Group, groups
from runner.report.machines import waits_for
from runner.report.wording import (
    NOT_GOOD,
    OUTCOME,
    attempts_of,
    counted,
    ending,
    run_word,
    tally,
    took,
    why_skipped,
)
from runner.state import CLOSED, JobState, Phase, RunPhase, RunState
from runner.units import format_duration

SUCCESS, FAILURE, ERROR, PENDING = "success", "failure", "error", "pending"
STATUS_JOBS = 40
"""With more jobs, groups and failures only."""
FAILURES = 10
"""Failed jobs that have a status of their own where the others are in groups: the first ones."""
PLAN_CONTEXT = "runner/plan"
"""The status of a pull request's plan, which is no queue's."""
_LIKE_PLAN = re.compile(r"plan(\.queue)*", re.ASCII | re.IGNORECASE)
_CONTEXT = 255
_DESCRIPTION = 140
_CUT = "…"
_BY_ITSELF = frozenset({"when", "handler"})
_FAILED = FAILED_FOR_GOOD - {Outcome.LOST}
_OVER = frozenset({RunPhase.FINISHED, RunPhase.INTERRUPTED})
_RANK = {FAILURE: 0, ERROR: 1, SUCCESS: 2, PENDING: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusText:
    """One status, within GitHub's limits. `target` is where its link leads, "" for nowhere."""

    context: str
    state: str
    description: str
    target: str = ""


def statuses(
    state: RunState,
    *,
    target: str = "",
    limit: int = STATUS_JOBS,
    published: Collection[str] = (),
    grouped: Sequence[Group] | None = None,
    waiting: str = "",
) -> list[StatusText]:
    """Every status that this run should have now; those that are terminal first, worst first.

    `published` are the contexts that exist already: a job that has one keeps it, also where it is in a group
    by now (a failure that is tried again), so that none is left behind. `grouped`: the queue's groups, where
    somebody has them at hand: they cost more than all the rest. `waiting` as in `queue_status`.
    """
    queue = queue_status(state, target=target, waiting=waiting)
    if len(state.jobs) <= limit:
        rest = [_job(state, job) for job in state.jobs.values()]
    else:
        rest = [_group(state, group) for group in (groups(state.queue) if grouped is None else grouped)]
        rest += [_job(state, job) for job in _apart(state, published)]
    # A sort keeps the order of the file among equals.
    ordered = sorted((queue, *rest), key=lambda s: (s.state == PENDING, s is not queue, _RANK[s.state]))
    return [replace(status, target=target) for status in ordered]


def context_of(queue_id: str, name: str = "") -> str:
    """The context of a queue's status, or of one of its jobs or groups. No queue's is `PLAN_CONTEXT`."""
    # A queue may be called `plan`, and another `plan.queue`: each gets one part more than it has.
    queue = f"{queue_id}.queue" if _LIKE_PLAN.fullmatch(queue_id) else queue_id
    return _cut(f"runner/{queue}/{name}" if name else f"runner/{queue}", _CONTEXT)


def queue_of(context: str) -> str:
    """The id of the queue whose context, or whose job's, this is: the way back from `context_of`."""
    name = context.removeprefix("runner/").partition("/")[0]
    return name.removesuffix(".queue") if _LIKE_PLAN.fullmatch(name) else name


def queue_status(state: RunState, *, target: str = "", waiting: str = "") -> StatusText:
    """The verdict on the run: also for the head of its pull request. `waiting`: what for, in words."""
    return StatusText(
        context=context_of(state.queue.queue_id),
        state=_run_state(state),
        description=_cut(waits_for(state, waiting) if waiting else _run_words(state), _DESCRIPTION),
        target=target,
    )


def wanted_minus_published(wanted: Sequence[StatusText], published: Iterable[StatusText]) -> list[StatusText]:
    """What is still to be written, in the order of `wanted`.

    `published` has the newest status of each context. Where a link leads is no reason to write again. A
    context of this queue that is wanted no more and still pending is closed once the queue is.
    """
    there = {status.context: status for status in published}
    missing = [s for s in wanted if s.context not in there or _shown(there[s.context]) != _shown(s)]
    return missing + _left_behind(wanted, there.values())


def _shown(status: StatusText) -> tuple[str, str]:
    return status.state, status.description


def _left_behind(wanted: Sequence[StatusText], published: Iterable[StatusText]) -> list[StatusText]:
    queue = min(wanted, key=lambda status: len(status.context), default=None)
    if queue is None or queue.state == PENDING:
        return []
    contexts = {status.context for status in wanted}
    return [
        replace(queue, context=status.context, description=f"See {queue.context}"[:_DESCRIPTION])
        for status in published
        if status.context.startswith(f"{queue.context}/")
        and status.context not in contexts
        and status.state == PENDING
    ]


def _run_state(state: RunState) -> str:
    if state.phase is RunPhase.INTERRUPTED:
        return ERROR  # nobody works on it: pending for ever would be a lie
    if state.outcome is None:
        return PENDING
    if state.outcome is Outcome.SUCCEEDED:
        return SUCCESS
    return FAILURE if state.outcome in _FAILED else ERROR


def _run_words(state: RunState) -> str:
    word = run_word(state).capitalize()
    if state.phase is RunPhase.INTERRUPTED:
        return f"{word}, can be resumed: {tally(state)}"
    if state.outcome is Outcome.LOST and state.machines and state.machines[-1].lost:
        return f"{word}: {clean.line(state.machines[-1].lost, _DESCRIPTION)}"
    if state.outcome is not None:
        return f"{word} after {took(state, state.finished_at)}: {tally(state)}"
    if state.phase is RunPhase.REQUESTED:
        return f"{word}: {counted(len(state.jobs), 'job')}"
    failed = f", {_about(state.failures)} failed" if state.failures else ""
    return f"{word}: {_tenths(state)} of {counted(len(state.jobs), 'job')} done{failed}"


def _tenths(state: RunState) -> str:
    """How much is done: exactly where that is few writes, else in steps of a tenth."""
    total = len(state.jobs)
    done = total - state.open_jobs
    return str(done) if total <= 10 else f"{10 * (10 * done // total)} %"


def _about(number: int) -> str:
    """1, 2+, 5+, 10+, 20+…: few different texts however many there will be."""
    step = 1
    for size in (m * 10**power for power in range(9) for m in (1, 2, 5)):
        step = size if size <= number else step
    return f"{step:,}" if step == 1 else f"{step:,}+"


def _job(state: RunState, job: JobState) -> StatusText:
    return StatusText(
        context=context_of(state.queue.queue_id, job.job.job_id),
        state=_job_state(state, job),
        description=_cut(_job_words(state, job), _DESCRIPTION),
    )


def _job_state(state: RunState, job: JobState) -> str:
    if job.outcome is None:
        return ERROR if state.phase in _OVER else PENDING
    if job.outcome is Outcome.SKIPPED:
        return SUCCESS if not _BY_ITSELF.isdisjoint(job.because) else ERROR
    if job.outcome in _FAILED:
        return FAILURE
    return SUCCESS if job.outcome in {Outcome.SUCCEEDED, Outcome.REUSED} else ERROR


def _job_words(state: RunState, job: JobState) -> str:
    attempt = f" ({attempts_of(job)})" if attempts_of(job) else ""
    if job.outcome is Outcome.SKIPPED:
        return f"Skipped: {why_skipped(job)}"
    if job.outcome in NOT_GOOD:
        allowed = ", which is allowed" if job.job.allow_failure else ""
        return f"{_upper(ending(job))}{allowed}{attempt}"
    if job.outcome is not None:
        seconds = job.last_ended.seconds if job.last_ended is not None else 0.0
        time = f" in {format_duration(seconds)}" if seconds else ""
        return f"{_upper(OUTCOME[job.outcome])}{time}{attempt}"
    if state.phase is RunPhase.FINISHED:
        return "Lost: the run ended without it"
    if state.phase is RunPhase.INTERRUPTED:
        return "Not finished: the run was interrupted and can be resumed"
    return {Phase.WAITING: "Waiting", Phase.BACKING_OFF: "Waits before its next attempt"}.get(
        job.phase, f"Running{attempt}"
    )


def _apart(state: RunState, published: Collection[str]) -> list[JobState]:
    """The jobs outside groups: the first failures (which stay the first), and what has a status already."""
    queue = state.queue.queue_id
    prefix = f"{context_of(queue)}/"
    known = {context.removeprefix(prefix) for context in published if context.startswith(prefix)}
    if any(_CUT in name for name in known):
        known |= {name for name in state.jobs if context_of(queue, name) in published}
    failed = sorted((j for j in state.jobs.values() if j.outcome in NOT_GOOD), key=lambda j: j.finished_at)
    first = {job.job.job_id for job in failed[:FAILURES]}
    return [job for name, job in state.jobs.items() if name in first or name in known]


def _group(state: RunState, group: Group) -> StatusText:
    jobs = [state.jobs[job_id] for job_id in group.job_ids]
    is_open = state.phase not in _OVER and any(job.outcome is None for job in jobs)
    # One open job says it all; a large queue is asked often while it runs.
    states = [PENDING] if is_open else [_job_state(state, job) for job in jobs]
    worst = next((s for s in (PENDING, FAILURE, ERROR) if s in states), SUCCESS)
    return StatusText(
        context=context_of(state.queue.queue_id, group.name),
        state=worst,
        description=_cut(_group_words(jobs, states, worst), _DESCRIPTION),
    )


def _group_words(jobs: Sequence[JobState], states: Sequence[str], worst: str) -> str:
    total = counted(len(jobs), "job")
    if worst == PENDING:
        begun = any(job.attempts or job.phase in CLOSED for job in jobs)
        return f"{'Running' if begun else 'Waiting'}: {total}"
    parts = [
        (states.count(s), word) for s, word in ((SUCCESS, "good"), (FAILURE, "failed"), (ERROR, "not run"))
    ]
    return f"{total}: " + ", ".join(f"{number:,} {word}" for number, word in parts if number)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cut(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units; what is cut off stands as a hash, so that two long names stay two."""
    shown = clean.line(text)
    if len(shown) <= limit // 2 or len(shown.encode("utf-16-le")) // 2 <= limit:
        return shown
    mark = f"{_CUT}{hashlib.sha256(shown.encode()).hexdigest()[:8]}"
    room = limit - len(mark)
    head = shown.encode("utf-16-le")[: 2 * room].decode("utf-16-le", "ignore")
    return head + mark
