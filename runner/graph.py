"""The shape of a queue: who waits for whom, in both directions, and how far it is to the end.

Two kinds of edges: a job's dependencies, and job → failure handler (a handler also waits for every
job that names it). Jobs are numbered in the order of the file. Nothing here recurses: a chain may be
as long as it likes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from runner.model import Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """`dependencies` are direct ones only; `waits_for` adds the jobs that name this one as their handler.

    `released` is `waits_for` turned round. `height` is the number of edges on the longest way from
    a job to the end: among ready jobs of one priority the higher goes first.
    """

    ids: tuple[str, ...]
    index: dict[str, int]
    dependencies: tuple[tuple[int, ...], ...]
    namers: dict[int, tuple[int, ...]]
    waits_for: tuple[tuple[int, ...], ...]
    released: tuple[tuple[int, ...], ...]
    height: tuple[int, ...]

    @staticmethod
    def of(queue: Queue) -> Graph:
        """The graph of a validated queue. Raises ValueError where it has a cycle."""
        ids = tuple(job.job_id for job in queue.jobs)
        index = {job_id: i for i, job_id in enumerate(ids)}
        dependencies = tuple(tuple(index[d] for d in job.depends_on) for job in queue.jobs)
        namers: dict[int, list[int]] = {}
        for i, job in enumerate(queue.jobs):
            if job.on_failure is not None:
                namers.setdefault(index[job.on_failure], []).append(i)
        waits_for = tuple(
            tuple(dict.fromkeys((*deps, *namers[i]))) if i in namers else tuple(dict.fromkeys(deps))
            for i, deps in enumerate(dependencies)
        )
        released = _turned(waits_for)
        return Graph(
            ids=ids,
            index=index,
            dependencies=dependencies,
            namers={i: tuple(names) for i, names in namers.items()},
            waits_for=waits_for,
            released=released,
            height=_heights(waits_for, released),
        )

    def descendants(self, roots: set[int]) -> set[int]:
        """Everything that waits, directly or not, for one of `roots`; the roots themselves included."""
        seen = set(roots)
        todo = deque(roots)
        while todo:
            for i in self.released[todo.popleft()]:
                if i not in seen:
                    seen.add(i)
                    todo.append(i)
        return seen

    def levels(self) -> list[list[int]]:
        """Jobs by the number of edges on the longest way from a beginning to them."""
        depth = [0] * len(self.ids)
        for i in order(self.waits_for, self.released):
            depth[i] = max((depth[d] + 1 for d in self.waits_for[i]), default=0)
        rows: list[list[int]] = [[] for _ in range(max(depth, default=-1) + 1)]
        for i, level in enumerate(depth):
            rows[level].append(i)
        return rows


def _turned(edges: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    turned: list[list[int]] = [[] for _ in edges]
    for i, targets in enumerate(edges):
        for target in targets:
            turned[target].append(i)
    return tuple(tuple(row) for row in turned)


def order(waits_for: tuple[tuple[int, ...], ...], released: tuple[tuple[int, ...], ...]) -> list[int]:
    """Every job after all that it waits for. Raises ValueError where that is impossible."""
    unmet = [len(row) for row in waits_for]
    done = [i for i, count in enumerate(unmet) if count == 0]
    for i in done:
        for target in released[i]:
            unmet[target] -= 1
            if unmet[target] == 0:
                done.append(target)
    if len(done) < len(waits_for):
        raise ValueError("the jobs depend on each other in a circle")
    return done


def _heights(
    waits_for: tuple[tuple[int, ...], ...], released: tuple[tuple[int, ...], ...]
) -> tuple[int, ...]:
    height = [0] * len(waits_for)
    for i in reversed(order(waits_for, released)):
        height[i] = max((height[t] + 1 for t in released[i]), default=0)
    return tuple(height)
