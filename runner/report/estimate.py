"""When a live run will be over, from how long its jobs took the last time."""

from __future__ import annotations

from collections.abc import Mapping

from runner.graph import Graph, order
from runner.state import CLOSED, JobState, Phase, RunState

LARGEST = 2000
"""Queues with more jobs are estimated from their work alone: the longest way would cost a pass per second."""


def remaining(state: RunState, before: Mapping[str, float], now: float) -> float | None:
    """Seconds until the run is over; None where too little is known.

    `before` has seconds by job id; jobs that are not in it count as the mean. The larger of two lower
    bounds: the work that is left shared among the slots, and the longest way left through the graph.
    """
    open_jobs = [job for job in state.jobs.values() if job.phase not in CLOSED]
    known = [before[job.job.job_id] for job in open_jobs if job.job.job_id in before]
    if not known or len(known) * 2 < len(open_jobs):
        return None
    mean = sum(known) / len(known)
    left = {job.job.job_id: _left(job, before.get(job.job.job_id, mean), now) for job in open_jobs}
    shared = sum(left.values()) / max(1, min(state.max_parallel or 1, len(left)))
    return max(shared, _longest_way(state, left)) if len(state.jobs) <= LARGEST else shared


def _left(job: JobState, estimate: float, now: float) -> float:
    if job.phase is Phase.RUNNING and job.last is not None:
        return max(0.0, estimate - max(0.0, now - job.last.started_at))
    if job.phase is Phase.BACKING_OFF:
        return estimate + max(0.0, job.due_at - now)
    return 0.0 if job.phase is Phase.ENDED else estimate


def _longest_way(state: RunState, left: Mapping[str, float]) -> float:
    graph = Graph.of(state.queue)
    ends = [0.0] * len(graph.ids)
    for i in order(graph.waits_for, graph.released):
        ends[i] = left.get(graph.ids[i], 0.0) + max((ends[d] for d in graph.waits_for[i]), default=0.0)
    return max(ends, default=0.0)
