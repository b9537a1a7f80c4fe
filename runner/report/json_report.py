"""A run for programs: one JSON object, stable, documented in docs/reports.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from runner.events import format_time
from runner.model import Outcome, Plan
from runner.report.awaited import Awaited
from runner.report.evidence import Evidence
from runner.report.machine_costs import dollars, dollars_of, seconds_of
from runner.report.wording import NOT_GOOD
from runner.state import AttemptState, JobState, MachineState, RunState

VERSION = 1

_encode = json.JSONEncoder(separators=(", ", ": "), check_circular=False).encode


def text(
    plan: Plan, state: RunState, evidence: Evidence, now: float, *, awaited: Awaited | None = None
) -> str:
    """The object, with one line a job, so that people can read it too. `now` counts while the run is live.

    `awaited`: the machine that it waits for, where that was looked for.
    """
    return "".join(lines(plan, state, evidence, now, awaited=awaited))


def lines(
    plan: Plan, state: RunState, evidence: Evidence, now: float, *, awaited: Awaited | None = None
) -> Iterator[str]:
    """The same piece by piece: ten thousand jobs need not be in memory as text too."""
    yield "{\n"
    waits = {"awaited": _awaited(awaited)} if awaited is not None else {}
    for key, value in (_head(plan, state, now) | waits).items():
        yield f"  {_encode(key)}: {_encode(value)},\n"
    yield '  "jobs": ['
    before = "\n"
    for job in state.jobs.values():
        yield f"{before}    {_encode(_job(job, evidence))}"
        before = ",\n"
    yield "\n  ]\n}\n"


def _head(plan: Plan, state: RunState, now: float) -> dict[str, Any]:
    outcomes = {outcome.value: state.outcomes.get(outcome, 0) for outcome in Outcome}
    return {
        "version": VERSION,
        "run_id": state.run_id,
        "queue_id": plan.queue.queue_id,
        "queue_name": plan.queue.queue_name,
        "source": plan.source,
        "digest": plan.digest,
        "git": {"sha": plan.git.sha, "branch": plan.git.branch, "pr": plan.git.pr, "actor": plan.git.actor},
        "runner_version": plan.runner_version,
        "phase": state.phase.value,
        "outcome": state.outcome.value if state.outcome is not None else None,
        "interrupted": state.interrupted or None,
        "cancelled_by": state.cancelled_by or None,
        "checkout": state.checkout,
        "requested_at": _time(state.requested_at),
        "started_at": _time(state.started_at),
        "finished_at": _time(state.finished_at),
        "seconds": round(state.elapsed(now), 6),
        "machines": [_machine(machine, now) for machine in state.machines],
        "cost": _cost(state, now),
        "counts": {"total": len(state.jobs), "open": state.open_jobs, **outcomes},
        "failed": [
            job_id
            for job_id, job in state.jobs.items()
            if job.outcome in NOT_GOOD and not job.job.allow_failure
        ],
    }


def _machine(machine: MachineState, now: float) -> dict[str, Any]:
    seconds = seconds_of(machine, now)
    return {
        "instance_id": machine.instance_id,
        "generation": machine.generation,
        "machine_type": machine.type or None,
        "region": machine.region or None,
        "zone": machine.zone or None,
        "spot": machine.spot,
        "launched_at": _time(machine.launched_at),
        "ended_at": _time(machine.ended_at),
        "lost": machine.lost or None,
        "seconds": None if seconds is None else round(seconds, 6),
        "per_hour": machine.price or None,
        "at_most": _dollars(dollars_of(machine, now)),
    }


def _awaited(machine: Awaited) -> dict[str, Any]:
    return {
        "generation": machine.generation,
        "instance_id": machine.instance_id or None,
        "machine_type": machine.type or None,
        "spot": machine.spot,
        "asked_at": _time(machine.asked_at),
        "ends_by": _time(machine.ends_by),
    }


def _cost(state: RunState, now: float) -> dict[str, Any] | None:
    if not state.machines:
        return None
    return {"at_most": _dollars(dollars(state.machines, now)), "currency": "USD"}


def _dollars(found: float | None) -> float | None:
    return None if found is None else round(found, 6)


def _time(at: float) -> str | None:
    return format_time(at) if at else None


def _job(job: JobState, evidence: Evidence) -> dict[str, Any]:
    job_id = job.job.job_id
    ended = job.last_ended
    record: dict[str, Any] = {
        "job_id": job_id,
        "phase": job.phase.value,
        "outcome": job.outcome.value if job.outcome is not None else None,
        "because": job.because or None,
        "reason": job.reason or None,
        "allow_failure": job.job.allow_failure,
        "depends_on": job.job.depends_on,
        "finished_at": _time(job.finished_at),
        "attempts": [_attempt(attempt) for attempt in job.attempts],
        "outputs": ended.outputs if ended is not None else {},
    }
    if job_id in evidence.files:
        record["files"] = [
            {"path": f.path, "size": f.size, "sha256": f.sha256} for f in evidence.files[job_id]
        ]
    return record


def _attempt(attempt: AttemptState) -> dict[str, Any]:
    ended, stored = attempt.finished, attempt.stored
    record: dict[str, Any] = {
        "attempt": attempt.number,
        "started_at": _time(attempt.started_at),
        "outcome": ended.outcome if ended is not None else None,
    }
    if ended is not None:
        record |= {
            "exit_code": ended.exit_code,
            "signal": ended.signal or None,
            "reason": ended.reason or None,
            "seconds": ended.seconds,
            "cpu_seconds": ended.cpu_seconds,
            "max_rss": ended.max_rss,
        }
    if stored is not None:
        record["results"] = {
            "files": stored.files,
            "bytes": stored.bytes,
            "missing": stored.missing,
            "error": stored.error or None,
        }
    return record
