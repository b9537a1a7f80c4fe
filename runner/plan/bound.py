"""How long a run can take at most, from its timeouts.

The bound is Graham's for list scheduling, which holds in whatever order ready jobs start, as long as
no slot is free while a job is ready. At any moment of a run either all m slots are taken, or some
job of one chain (each waits for the one before) is running or backing off. With W the work of all jobs,
and of each job its work w and its waits b (a job that backs off holds no slot):

    time ≤ W/m + max over chains of Σ ((1 - 1/m)·w + b)

Where no more than m jobs can ever be ready together no job waits for a slot, and the longest chain alone is
the bound. The work of a job is its attempts, each up to its timeout and the grace of its kill. Not in
it: attempts lost with their machine, and the time that the runner itself takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.graph import Graph, order
from runner.model import Job, Queue
from runner.plan.waits import waits_of

_SMALL = 100
"""Above this many jobs the width of a graph is not worth its price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one job can take, in seconds: `work` in a slot, `waits` without one."""

    work: float
    waits: float

    @property
    def longest(self) -> float:
        return self.work + self.waits


def load_of(job: Job) -> Load | None:
    """None where an attempt of the job may take for ever."""
    if job.timeout is None:
        return None
    attempts = 1 + max(0, job.retry.count)
    waits = sum(wait.longest for wait in waits_of(job.retry))
    return Load(work=attempts * (job.timeout + job.kill_grace), waits=waits)


def longest_chain(graph: Graph, weights: Sequence[float]) -> tuple[float, tuple[int, ...]]:
    """The heaviest way through the graph, from a beginning to an end; the first in the file among equals."""
    total = list(weights)
    before: list[int | None] = [None] * len(total)
    for i in order(graph.waits_for, graph.released):
        if graph.waits_for[i]:
            heaviest = max(graph.waits_for[i], key=lambda d: (total[d], -d))
            total[i] += total[heaviest]
            before[i] = heaviest
    if not total:
        return 0.0, ()
    at: int | None = max(range(len(total)), key=lambda i: (total[i], -i))
    weight, chain = total[at or 0], []
    while at is not None:
        chain.append(at)
        at = before[at]
    return weight, tuple(reversed(chain))


def bound_of_jobs(graph: Graph, loads: Sequence[Load], slots: int) -> float:
    """Seconds that these jobs take at most with `slots` of them at a time."""
    if slots_never_bind(graph, slots):
        return longest_chain(graph, [load.longest for load in loads])[0]
    share = 1 - 1 / slots
    chain, _ = longest_chain(graph, [share * load.work + load.waits for load in loads])
    return sum(load.work for load in loads) / slots + chain


def bound_of_queue(queue: Queue) -> float | None:
    """Seconds after which the queue's own timeout has ended everything, clean-up included."""
    if queue.timeout is None:
        return None
    ended = queue.timeout + max((job.kill_grace for job in queue.jobs), default=0.0)
    return ended + _bound_of_cleanup(queue)


def _bound_of_cleanup(queue: Queue) -> float:
    """Its own timeout, or its jobs one after the other, whatever their order."""
    jobs = cleanup_jobs(queue)
    loads = [load_of(job) for job in jobs]
    known = [load.longest for load in loads if load is not None]
    cut = queue.cleanup_timeout + max((job.kill_grace for job in jobs), default=0.0)
    return min(sum(known), cut) if len(known) == len(loads) else cut


def cleanup_jobs(queue: Queue) -> list[Job]:
    """What may still run after the queue's timeout."""
    handlers = {job.on_failure for job in queue.jobs}
    return [job for job in queue.jobs if job.always_run or job.job_id in handlers]


def slots_never_bind(graph: Graph, slots: int) -> bool:
    """Whether no more than `slots` jobs can ever be ready together, as far as that is cheap to know."""
    size = len(graph.ids)
    return size <= slots or (size <= _SMALL and width(graph) <= slots)


def width(graph: Graph) -> int:
    """The most jobs of which none waits for another: by Dilworth, all jobs less a matching of the order."""
    reachable = [graph.descendants({i}) - {i} for i in range(len(graph.ids))]
    partner: dict[int, int] = {}

    def match(i: int, tried: set[int]) -> bool:
        for target in reachable[i]:
            if target not in tried:
                tried.add(target)
                if target not in partner or match(partner[target], tried):
                    partner[target] = i
                    return True
        return False

    return len(graph.ids) - sum(match(i, set()) for i in range(len(graph.ids)))
