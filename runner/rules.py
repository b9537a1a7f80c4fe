"""The law of a queue, as questions about a folded state: what blocks, what may run again, and when.

Pure and without memory; `decide` asks these questions at the moment they become due. The names
follow "Exact rules" of the queue language.
"""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Sequence
from enum import Enum

from runner import events as e
from runner.graph import Graph
from runner.model import LOST_CAP, Job, Outcome, Retry, Strategy
from runner.state import TRANSITIONS, JobState, Phase, RunState

NOT_HELD_BACK = ("when", "handler")
"""A job skipped by its own `when`, or a handler that was not needed, does not hold back its dependents."""

_KIND = {Outcome.FAILED: "exit", Outcome.TIMED_OUT: "timeout", Outcome.OUT_OF_MEMORY: "oom"}


class Again(Enum):
    """What follows an attempt that did not succeed."""

    NO = "no"
    RETRY = "retry"
    FREE = "free"  # lost, not the job's fault: without using up a retry


def blocks(job: JobState) -> bool:
    """Whether a dependency that has ended holds back what depends on it."""
    if job.phase is Phase.SKIPPED:
        return not any(key in job.because for key in NOT_HELD_BACK)
    if job.outcome is Outcome.CANCELLED:
        return True
    return job.failed_for_good and not job.job.allow_failure


def blocker(state: RunState, graph: Graph, i: int) -> str:
    """The first direct dependency that holds this job back, or nothing."""
    return next((graph.ids[d] for d in graph.dependencies[i] if blocks(state.jobs[graph.ids[d]])), "")


def needed(state: RunState, graph: Graph, i: int) -> bool:
    """Whether a job that names this handler has failed for good (`allow_failure` included)."""
    return any(state.jobs[graph.ids[n]].failed_for_good for n in graph.namers.get(i, ()))


def failed_namers(state: RunState, graph: Graph, i: int) -> tuple[str, ...]:
    """What `RUNNER_FAILED_JOBS` says to a handler."""
    return tuple(graph.ids[n] for n in graph.namers.get(i, ()) if state.jobs[graph.ids[n]].failed_for_good)


def forbidden(state: RunState, job: Job, *, is_handler: bool) -> dict[str, str]:
    """Why nothing new of this job may start, as a `because`; empty where it may."""
    if state.cancels > 1 or (state.cancels and not job.always_run):
        return {"cancel": state.cancelled_by or "request"}
    if state.cleanup_timed_out:
        return {"timeout": "cleanup"}
    if job.always_run or is_handler:
        return {}
    if state.timed_out_at is not None:
        return {"timeout": "queue"}
    return {"stop": state.stopped_by} if state.stopped_by else {}


def must_end(state: RunState, job: JobState, *, is_handler: bool) -> str:
    """Why a running attempt must end now (`cancelled`, `queue_timeout`), or nothing.

    Cleanup that already runs goes on after the first cancel and has `cleanup_timeout` after the queue's.
    """
    if job.cancelled:
        return "cancelled"
    because = forbidden(state, job.job, is_handler=is_handler and not state.cancels)
    if "cancel" in because:
        return "cancelled"
    return "queue_timeout" if "timeout" in because else ""


def attempt_outcome(job: JobState) -> tuple[Outcome, str]:
    """How the newest attempt ended, its results included: outcome and reason."""
    last = job.last
    if last is None or last.finished is None:
        raise ValueError(f"{job.job.job_id} has no attempt that is over")
    outcome = Outcome(last.finished.outcome)
    if outcome is Outcome.SUCCEEDED and last.stored is not None:
        if last.stored.error:
            return Outcome.FAILED, last.stored.error
        if job.job.result_required and last.stored.missing:
            return Outcome.FAILED, "no file matches " + ", ".join(last.stored.missing)
    return outcome, last.finished.reason


def again(state: RunState, job: JobState, outcome: Outcome, *, is_handler: bool) -> Again:
    """Whether an attempt that ended with `outcome` is followed by another."""
    finished = job.last_ended
    if finished is None or outcome in (Outcome.SUCCEEDED, Outcome.CANCELLED) or job.cancelled:
        return Again.NO
    because = forbidden(state, job.job, is_handler=is_handler)
    if outcome is Outcome.LOST:
        if finished.interrupted:  # `stop` lets what runs finish, so what was cut off may start again
            return Again.NO if "cancel" in because or "timeout" in because else Again.FREE
        free = "lost" in job.job.retry.on and job.losses < LOST_CAP and not because
        return Again.FREE if free else Again.NO
    if because or finished.cannot_start or job.retries >= job.job.retry.count:
        return Again.NO
    return Again.RETRY if _retried(job.job.retry, outcome, finished) else Again.NO


def _retried(retry: Retry, outcome: Outcome, finished: e.AttemptFinished) -> bool:
    kind = _KIND[outcome]
    if kind not in retry.on:
        return False
    code = exit_status(finished)
    if kind != "exit" or code is None:
        return True
    return code not in retry.except_codes and (not retry.codes or code in retry.codes)


def exit_status(finished: e.AttemptFinished) -> int | None:
    """The exit code as a shell would see it: 128 + the number for a death by signal."""
    if finished.exit_code is not None or not finished.signal:
        return finished.exit_code
    number = getattr(signal, finished.signal, None)
    return 128 + int(number) if number is not None else None


def delay(retry: Retry, nth: int, key: str) -> float:
    """Seconds before the `nth` retry (1, 2, …). `key` makes jitter the same in every replay."""
    wait = retry.delay
    if retry.strategy is not Strategy.FIXED:
        wait = retry.delay * 2.0 ** min(nth - 1, 64)
    wait = min(wait, retry.max_delay)
    if retry.strategy is Strategy.EXPONENTIAL_JITTER:
        unit = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64
        wait *= 1 + retry.jitter * (2 * unit - 1)
    return round(min(wait, retry.max_delay), 6)


def run_outcome(state: RunState) -> Outcome:
    """How a run in which nothing is open any more ended."""
    if state.timed_out_at is not None:
        return Outcome.TIMED_OUT
    if state.cancels:
        return Outcome.CANCELLED
    if state.failures:
        return Outcome.FAILED
    return Outcome.CANCELLED if state.outcomes.get(Outcome.CANCELLED) else Outcome.SUCCEEDED


_RESETTABLE = frozenset(phase for phase, kind in TRANSITIONS if kind is e.JobsReset)


def to_reset(state: RunState, graph: Graph, job_ids: Sequence[str]) -> tuple[str, ...]:
    """What `retry` runs again, in the order of the file.

    Without `job_ids`: failed and cancelled jobs, those skipped by stop, cancel or timeout. In both
    cases with all their descendants.
    """
    if job_ids:
        roots = {graph.index[job] for job in job_ids}
    else:
        roots = {graph.index[name] for name, job in state.jobs.items() if _ended_badly(job)}
    chosen = [graph.ids[i] for i in sorted(graph.descendants(roots))]
    return tuple(name for name in chosen if state.jobs[name].phase in _RESETTABLE)


def _ended_badly(job: JobState) -> bool:
    if job.phase is Phase.SKIPPED:
        return any(key in job.because for key in ("stop", "cancel", "timeout"))
    return job.outcome is Outcome.CANCELLED or job.failed_for_good
