"""What can be said of a queue before it runs: its levels, its critical path, how long it can take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.canonical.machine import cpus_of, ttl_of, types_named
from runner.graph import Graph
from runner.model import Queue
from runner.plan.bound import Load, bound_of_jobs, bound_of_queue, cleanup_jobs, load_of, longest_chain
from runner.plan.new_machine import runs_again
from runner.plan.waits import Wait, waits_of
from runner.units import format_duration

_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """`level` counts from 1. `attempts` are the most there can be, `waits` what lies between them.

    `longest` is how many seconds the job takes at most; None where it has no timeout.
    """

    job_id: str
    level: int
    attempts: int
    waits: tuple[Wait, ...]
    longest: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """`seconds` is the most that the run can take, None where nothing bounds it.

    `by` is what bounds it: `jobs` (their timeouts, with `slots` jobs at a time) or `queue` (its timeout and
    what cleaning up may take after it). `unbounded` are the jobs without a timeout.
    """

    seconds: float | None
    by: str
    slots: int
    unbounded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`critical_seconds` is None where a job has no timeout: then the path is the one with the most jobs.

    `runs_again`: jobs that a new machine would run once more, after the loss of the first one.
    """

    jobs: tuple[JobFacts, ...]
    levels: tuple[tuple[str, ...], ...]
    critical_path: tuple[str, ...]
    critical_seconds: float | None
    bound: Bound
    warnings: tuple[str, ...] = ()
    runs_again: tuple[str, ...] = ()


def analyse(queue: Queue, *, slots: int | None = None) -> Facts:
    """The facts of a validated queue. `slots`: jobs at a time on this machine, where the queue does not say.

    Where neither is known the bound is for one job at a time, which holds for any number. A queue on EC2 has
    the processors of the smallest type that it may get.
    """
    graph = Graph.of(queue)
    loads = [load_of(job) for job in queue.jobs]
    if queue.machine.provider == "ec2":
        slots = cpus_of(types_named(queue.machine.options))
    bound = _bound(queue, graph, loads, slots=max(1, queue.max_parallel or slots or 1))
    seconds, path = _critical(graph, loads)
    return Facts(
        jobs=_jobs(queue, graph, loads),
        levels=tuple(tuple(graph.ids[i] for i in row) for row in graph.levels()),
        critical_path=path,
        critical_seconds=seconds,
        bound=bound,
        warnings=(*queue.refused, *queue.unsupported, *_warnings(queue, graph, bound)),
        runs_again=runs_again(queue, graph),
    )


def _jobs(queue: Queue, graph: Graph, loads: Sequence[Load | None]) -> tuple[JobFacts, ...]:
    level_of = {i: number for number, row in enumerate(graph.levels(), 1) for i in row}
    return tuple(
        JobFacts(
            job_id=job.job_id,
            level=level_of[i],
            attempts=1 + max(0, job.retry.count),
            waits=waits_of(job.retry),
            longest=load.longest if load is not None else None,
        )
        for i, (job, load) in enumerate(zip(queue.jobs, loads, strict=True))
    )


def _critical(graph: Graph, loads: Sequence[Load | None]) -> tuple[float | None, tuple[str, ...]]:
    bounded = [load.longest for load in loads if load is not None]
    complete = len(bounded) == len(loads)
    weight, path = longest_chain(graph, bounded if complete else [1.0] * len(loads))
    return weight if complete else None, tuple(graph.ids[i] for i in path)


def _bound(queue: Queue, graph: Graph, loads: Sequence[Load | None], *, slots: int) -> Bound:
    known = [load for load in loads if load is not None]
    unbounded = tuple(graph.ids[i] for i, load in enumerate(loads) if load is None)
    by_queue = bound_of_queue(queue)
    by_jobs = None if unbounded else bound_of_jobs(graph, known, slots)
    if by_jobs is not None and (by_queue is None or by_jobs <= by_queue):
        return Bound(seconds=by_jobs, by="jobs", slots=slots)
    by = "queue" if by_queue is not None else ""
    return Bound(seconds=by_queue, by=by, slots=slots, unbounded=unbounded)


def _warnings(queue: Queue, graph: Graph, bound: Bound) -> Iterator[str]:
    if bound.seconds is None:
        ends = queue.machine.provider == "ec2"
        what = (
            f"Only its machine's end, after {format_duration(ttl_of(queue.machine))}," if ends else "Nothing"
        )
        yield (
            f"{what} bounds the time of this run: {_some(bound.unbounded)} without a timeout, "
            "and the queue has none."
        )
    path = _first_attempts(queue, graph)
    if queue.timeout is not None and path > queue.timeout:
        yield (
            f"The queue's timeout ({format_duration(queue.timeout)}) can end the run before its jobs have "
            f"used theirs: one after the other they may take {format_duration(path)} without any retry."
        )


def _first_attempts(queue: Queue, graph: Graph) -> float:
    """The longest way by first attempts. A budget below all retries is common; below this, seldom meant."""
    cleanup = {job.job_id for job in cleanup_jobs(queue)}
    longest = [0.0 if job.job_id in cleanup else job.timeout or 0.0 for job in queue.jobs]
    return longest_chain(graph, longest)[0]


def _some(job_ids: tuple[str, ...]) -> str:
    named = ", ".join(job_ids[:_NAMED])
    rest = len(job_ids) - _NAMED
    if rest > 0:
        return f"{named} and {rest} more are"
    return f"{named} {'is' if len(job_ids) == 1 else 'are'}"
