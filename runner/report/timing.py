"""Where the time of a run went: the way to its first job, and the way through the graph that kept it busy
longest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner.graph import Graph
from runner.state import JobState, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Seconds from the request to the first job, and the parts of it: `earlier` machines that came to none,
    the cloud's own time until the boot spoke, the `boot`, and the runner's own. No parts: they are not known.
    """

    total: float
    parts: tuple[tuple[str, float], ...] = ()


def start_of(state: RunState) -> Start | None:
    """None for a run that was on no machine, or came to no job."""
    machine = next((one for one in state.machines if one.first_job_at), None)
    if machine is None or not state.requested_at:
        return None
    total = max(0.0, machine.first_job_at - state.requested_at)
    boot = machine.boot
    if not {"requested", "bootstrap", "agent"} <= boot.keys():
        return Start(total=total)
    parts = {
        "earlier machines": boot["requested"] - state.requested_at if machine.generation > 1 else 0.0,
        "EC2": boot["bootstrap"] - boot["requested"],
        "boot": boot["agent"] - boot["bootstrap"],
    }
    parts["runner"] = total - sum(parts.values())
    return Start(total=total, parts=tuple((name, took) for name, took in parts.items() if took > 0))


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
