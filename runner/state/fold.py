"""The fold: what the events so far mean. `apply(state, event)` is the only thing that changes a state.

Every transition of a job stands in `TRANSITIONS`; nothing else decides what a state may become.
`apply` changes the state in place and costs the same for a queue of ten jobs and of ten thousand.
It reads no clock: time arrives in events. Any prefix of a log folds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from runner import events as e
from runner.errors import LogError
from runner.model import FAILED_FOR_GOOD, Outcome, Queue
from runner.state.records import AttemptState, JobState, MachineState, Phase, RunPhase, RunState

TRANSITIONS: dict[tuple[Phase, type[e.Event]], Phase] = {
    (Phase.WAITING, e.ExpressionEvaluated): Phase.WAITING,
    (Phase.WAITING, e.AttemptStarted): Phase.RUNNING,
    (Phase.WAITING, e.JobSkipped): Phase.SKIPPED,
    (Phase.WAITING, e.JobFinished): Phase.FINISHED,  # cancelled, or its expression failed
    (Phase.RUNNING, e.AttemptRunning): Phase.RUNNING,
    (Phase.RUNNING, e.AttemptFinished): Phase.ENDED,
    (Phase.ENDED, e.ResultsStored): Phase.ENDED,
    (Phase.ENDED, e.JobRetrying): Phase.BACKING_OFF,
    (Phase.ENDED, e.JobFinished): Phase.FINISHED,
    (Phase.BACKING_OFF, e.AttemptStarted): Phase.RUNNING,
    (Phase.BACKING_OFF, e.JobFinished): Phase.FINISHED,  # stop, cancel, timeout
    (Phase.FINISHED, e.JobsReset): Phase.WAITING,
    (Phase.SKIPPED, e.JobsReset): Phase.WAITING,
    # An interrupted run can be told to try again too: what never ran stays as it is.
    (Phase.WAITING, e.JobsReset): Phase.WAITING,
    (Phase.BACKING_OFF, e.JobsReset): Phase.WAITING,
}

OUTCOMES: dict[str, Outcome] = {outcome.value: outcome for outcome in Outcome}


def fold(run_id: str, queue: Queue, log: Iterable[e.Event]) -> RunState:
    state = RunState.new(run_id, queue)
    for event in log:
        apply(state, event)
    return state


def apply(state: RunState, event: e.Event) -> None:
    """Fold one event. Raises LogError for one that cannot follow (no runner writes such a log)."""
    kind = type(event)
    if isinstance(event, e.JobEvent):
        job = state.jobs.get(event.job_id)
        if job is None:
            raise LogError(f"the event log speaks of a job that the plan does not have: {event.job_id}")
        target = _next(job, kind)
        _JOB[kind](state, job, event)  # raises before it changes anything: the state stays whole
        _move(state, job, target)
    elif kind in _RUN:
        _RUN[kind](state, event)
    state.seq += 1
    state.last_at = max(state.last_at, event.at)


def _next(job: JobState, kind: type[e.Event]) -> Phase:
    target = TRANSITIONS.get((job.phase, kind))
    if target is None:
        raise LogError(f"the event log has {kind.type} for {job.job.job_id}, which is {job.phase}")
    return target


def _move(state: RunState, job: JobState, target: Phase) -> None:
    if target is not job.phase:
        state.counts[job.phase] -= 1
        state.counts[target] += 1
        job.phase = target


def _evaluated(_: RunState, job: JobState, event: e.ExpressionEvaluated) -> None:
    job.evaluated = event


def _attempt_started(state: RunState, job: JobState, event: e.AttemptStarted) -> None:
    if event.attempt <= job.attempt:
        raise LogError(f"the event log starts attempt {event.attempt} of {event.job_id} twice")
    job.attempts.append(AttemptState(event.attempt, event.at, event.handle))
    if state.machines and not state.machines[-1].first_job_at:
        state.machines[-1].first_job_at = event.at


def _newest(job: JobState, number: int) -> AttemptState:
    if not job.attempts or job.attempts[-1].number != number:
        raise LogError(
            f"the event log speaks of attempt {number} of {job.job.job_id}, which is not the newest"
        )
    return job.attempts[-1]


def _attempt_running(_: RunState, job: JobState, event: e.AttemptRunning) -> None:
    attempt = _newest(job, event.attempt)
    attempt.pid, attempt.process_started = event.pid, event.process_started


def _attempt_finished(_: RunState, job: JobState, event: e.AttemptFinished) -> None:
    _newest(job, event.attempt).finished = event


def _results_stored(_: RunState, job: JobState, event: e.ResultsStored) -> None:
    _newest(job, event.attempt).stored = event


def _job_retrying(_: RunState, job: JobState, event: e.JobRetrying) -> None:
    job.due_at = event.at + event.delay
    if not event.free:
        job.retries += 1
    elif job.last is not None and job.last.finished is not None and not job.last.finished.interrupted:
        job.losses += 1


def _close(state: RunState, job: JobState, outcome: Outcome, at: float) -> None:
    job.outcome, job.finished_at = outcome, at
    state.outcomes[outcome] = state.outcomes.get(outcome, 0) + 1


def _job_finished(state: RunState, job: JobState, event: e.JobFinished) -> None:
    outcome = OUTCOMES.get(event.outcome, Outcome.LOST)
    _close(state, job, outcome, event.at)
    job.reason = event.reason
    if outcome in FAILED_FOR_GOOD and not job.job.allow_failure:
        state.failures += 1
        if state.queue.on_failure == "stop" and not state.stopped_by:
            state.stopped_by = event.job_id


def _job_skipped(state: RunState, job: JobState, event: e.JobSkipped) -> None:
    _close(state, job, Outcome.SKIPPED, event.at)
    job.because = event.because


def _run_requested(state: RunState, event: e.RunRequested) -> None:
    state.requested_at, state.digest = event.at, event.digest


def _run_started(state: RunState, event: e.RunStarted) -> None:
    state.phase, state.started_at, state.live_since = RunPhase.LIVE, event.at, event.at
    state.checkout, state.digest, state.max_parallel = event.checkout, event.digest, event.max_parallel
    state.host, state.pid, state.boot_id = event.host, event.pid, event.boot_id


def _run_resumed(state: RunState, event: e.RunResumed) -> None:
    _stop_clock(state, state.last_at)
    state.phase, state.live_since, state.interrupted = RunPhase.LIVE, event.at, ""
    state.outcome, state.finished_at = None, 0.0
    state.max_parallel, state.host, state.pid, state.boot_id = (
        event.max_parallel,
        event.host,
        event.pid,
        event.boot_id,
    )
    machine = _here(state)
    if machine is not None and not machine.lost:
        machine.ended_at = 0.0


def _stop_clock(state: RunState, at: float) -> None:
    state.active = state.elapsed(at)


def _run_interrupted(state: RunState, event: e.RunInterrupted) -> None:
    _stop_clock(state, event.at)
    state.phase, state.interrupted = RunPhase.INTERRUPTED, event.reason
    _let_go(state, event.at)


def _run_finished(state: RunState, event: e.RunFinished) -> None:
    _stop_clock(state, event.at)
    state.phase, state.finished_at = RunPhase.FINISHED, event.at
    state.outcome = OUTCOMES.get(event.outcome, Outcome.LOST)
    _let_go(state, event.at)


def _cancel_requested(state: RunState, event: e.CancelRequested) -> None:
    state.requests.add(event.request)
    if not event.job_ids:
        state.cancels += 1
        state.cancelled_by = event.by
    for job_id in event.job_ids:
        if job_id in state.jobs:
            state.jobs[job_id].cancelled = True


def _queue_timed_out(state: RunState, event: e.QueueTimedOut) -> None:
    if event.cleanup:
        state.cleanup_timed_out = True
    else:
        state.timed_out_at = state.elapsed(event.at)


def _jobs_reset(state: RunState, event: e.JobsReset) -> None:
    for job_id in event.job_ids:
        job = state.jobs.get(job_id)
        if job is None:
            raise LogError(f"the event log speaks of a job that the plan does not have: {job_id}")
        target = _next(job, e.JobsReset)
        if job.outcome is not None:
            state.outcomes[job.outcome] -= 1
            if job.failed_for_good and not job.job.allow_failure:
                state.failures -= 1
        _move(state, job, target)
        job.outcome, job.because, job.reason, job.evaluated, job.cancelled = None, {}, "", None, False
        job.retries, job.losses, job.due_at, job.finished_at = 0, 0, 0.0, 0.0
    state.active, state.timed_out_at, state.cleanup_timed_out = 0.0, None, False
    state.cancels, state.cancelled_by, state.stopped_by = 0, "", ""
    state.live_since = event.at  # a run that died while live must not count the time since


def _instance_launched(state: RunState, event: e.InstanceLaunched) -> None:
    launched_at = event.launched_at or event.at
    _let_go(state, launched_at)  # nobody saw it end: a run's next machine comes once the one before is gone
    _stop_clock(state, state.last_at)
    state.live_since = math.inf  # until somebody says to live on it
    state.instance_id = event.instance_id
    state.machines.append(
        MachineState(
            instance_id=event.instance_id,
            generation=event.generation,
            type=event.machine_type,
            region=event.region,
            zone=event.zone,
            spot=event.spot,
            price=event.price,
            launched_at=launched_at,
            because=event.because,
        )
    )


def _instance_lost(state: RunState, event: e.InstanceLost) -> None:
    known = [machine for machine in state.machines if machine.instance_id == event.instance_id]
    if not known:  # it never came so far as to write of itself
        known = [MachineState(instance_id=event.instance_id)]
        state.machines += known
    known[-1].ended_at, known[-1].lost = event.at, event.reason or "it is gone"


def _boot_phase(state: RunState, event: e.BootPhase) -> None:
    machine = _here(state)
    if machine is not None:
        machine.boot.setdefault(event.name, event.at)


def _here(state: RunState) -> MachineState | None:
    """The machine that the run is on, or was on last."""
    return state.machines[-1] if state.machines else None


def _let_go(state: RunState, at: float) -> None:
    """Its machine has nothing left to do for this run."""
    machine = _here(state)
    if machine is not None and not machine.ended_at:
        machine.ended_at = max(at, machine.launched_at)


def _nothing(_: RunState, __: e.Event) -> None:
    """A heartbeat says only that time has passed; this version expands no jobs while a queue runs."""


_JOB: dict[type[e.Event], Callable[[RunState, JobState, Any], None]] = {
    e.ExpressionEvaluated: _evaluated,
    e.AttemptStarted: _attempt_started,
    e.AttemptRunning: _attempt_running,
    e.AttemptFinished: _attempt_finished,
    e.ResultsStored: _results_stored,
    e.JobRetrying: _job_retrying,
    e.JobFinished: _job_finished,
    e.JobSkipped: _job_skipped,
}
_RUN: dict[type[e.Event], Callable[[RunState, Any], None]] = {
    e.RunRequested: _run_requested,
    e.RunStarted: _run_started,
    e.RunResumed: _run_resumed,
    e.RunInterrupted: _run_interrupted,
    e.RunFinished: _run_finished,
    e.CancelRequested: _cancel_requested,
    e.QueueTimedOut: _queue_timed_out,
    e.JobsReset: _jobs_reset,
    e.InstanceLaunched: _instance_launched,
    e.InstanceLost: _instance_lost,
    e.BootPhase: _boot_phase,
    e.JobsExpanded: _nothing,
    e.Heartbeat: _nothing,
}
