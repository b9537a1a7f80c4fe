"""What is reported from outside, as events: running processes, values, stored results, requests. Pure.

How an attempt ended has a module of its own: `endings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner import events as e
from runner.expressions import Answer
from runner.masking import Masker
from runner.ports import Running
from runner.results import Collected
from runner.state import RunState


def running(report: Running, job_id: str, attempt: int, at: float) -> e.AttemptRunning:
    return e.AttemptRunning(
        at=at, job_id=job_id, attempt=attempt, pid=report.pid, process_started=report.process_started
    )


def evaluated(answer: Answer, masker: Masker, at: float) -> e.ExpressionEvaluated:
    return e.ExpressionEvaluated(
        at=at,
        job_id=answer.job_id,
        when=answer.when,
        values=dict(answer.values),
        error=masker.text(answer.error),
    )


def stored(collected: Collected, at: float) -> e.ResultsStored:
    return e.ResultsStored(
        at=at,
        job_id=collected.job_id,
        attempt=collected.attempt,
        files=collected.files,
        bytes=collected.bytes,
        missing=collected.missing,
        error=collected.error,
    )


def cancelling(found: Mapping[str, Any], state: RunState, at: float) -> e.CancelRequested | None:
    """None for a request that was heard before, that is another one, or that names no job of this run."""
    name, jobs = str(found.get("request", "")), found.get("job_ids", [])
    if found.get("type") != "cancel" or name in state.requests or not isinstance(jobs, list):
        return None
    known = tuple(job for job in jobs if job in state.jobs)
    if jobs and not known:
        return None
    return e.CancelRequested(at=at, job_ids=known, by=str(found.get("by", "")), request=name)
