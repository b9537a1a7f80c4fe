"""On a new machine: which finished jobs run again, because what they left was on the old one. Pure."""

from __future__ import annotations

from collections.abc import Collection

from runner import events as e
from runner.graph import Graph, order
from runner.model import Outcome
from runner.state import CLOSED, Phase, RunState

_UNKEPT = "their machine was gone before they were kept"


def unkept_with_the_machine(state: RunState, now: float) -> tuple[e.Event, ...]:
    """Attempts that had ended, and whose results the old machine still was to keep: they are gone.

    One that succeeded is as good as lost, and runs again; of one that failed the failure is what counts.
    """
    events: list[e.Event] = []
    for job in state.jobs.values():
        last = job.last
        if job.phase is not Phase.ENDED or last is None or last.finished is None:
            continue
        if not last.finished.results or last.stored is not None:
            continue
        job_id, number = job.job.job_id, last.number
        if last.finished.outcome == Outcome.SUCCEEDED:
            events.append(e.JobRetrying(at=now, job_id=job_id, attempt=number, delay=0.0, free=True))
        else:
            events.append(e.ResultsStored(at=now, job_id=job_id, attempt=number, error=_UNKEPT))
    return tuple(events)


def gone_with_the_machine(
    state: RunState, graph: Graph, restored: Collection[str], opened: Collection[str] = ()
) -> tuple[str, ...]:
    """Jobs that succeeded, that a job which is not over depends on, and whose results are not `restored`.

    `opened`: jobs that are to run again for another reason. In the order of the file. None where nothing new
    may start: a run that is cancelled, stopped or out of time must not come back to life by this.
    """
    if state.cancels or state.stopped_by or state.timed_out_at is not None:
        return ()
    again: set[int] = set()
    needed: set[int] = set()
    for i in reversed(order(graph.waits_for, graph.released)):
        job = state.jobs[graph.ids[i]]
        is_open = job.phase not in CLOSED or graph.ids[i] in opened
        if not is_open and i in needed and job.outcome is Outcome.SUCCEEDED and graph.ids[i] not in restored:
            again.add(i)
            is_open = True
        if is_open:
            needed.update(graph.dependencies[i])
    return tuple(graph.ids[i] for i in sorted(again))
