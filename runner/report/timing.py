"""Where the time of a run went: the way through the graph that kept it busy longest."""

from __future__ import annotations

from collections.abc import Iterable

from runner.graph import Graph
from runner.state import JobState, RunState


def slowest_path(state: RunState) -> list[JobState]:
    """From the job that ended last back to a beginning, always over the dependency that ended last.

    The way leads through skipped jobs too, but only those that made an attempt and are over are in it;
    empty where there is none.
    """
    graph = Graph.of(state.queue)
    job = _last(job for job in state.jobs.values() if job.attempts)
    way = []
    while job is not None:
        way.append(job)
        job = _last(state.jobs[graph.ids[i]] for i in graph.waits_for[graph.index[job.job.job_id]])
    return [job for job in reversed(way) if job.attempts]


def _last(jobs: Iterable[JobState]) -> JobState | None:
    return max((job for job in jobs if job.finished_at), key=lambda job: job.finished_at, default=None)


def span(job: JobState) -> float:
    """From the first attempt's start to the end of the job, back-off included, in seconds."""
    return max(0.0, job.finished_at - job.attempts[0].started_at) if job.attempts and job.finished_at else 0.0
