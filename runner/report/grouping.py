"""The jobs of a large queue in a few groups that people recognize: by the name they share, else by level."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from runner.graph import Graph
from runner.model import Queue

GROUPS = 16
"""At most so many."""
_NUMBER = re.compile(r"[-._]?\d+$", re.ASCII)
REST = "*"
"""The group of the jobs that no other group has. No job can have this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """`name` cannot be a job's: it has a `*` or a blank. The ids are in file order."""

    name: str
    job_ids: tuple[str, ...]


def groups(queue: Queue) -> list[Group]:
    """Every job in exactly one group. The same for the whole life of a run."""
    by_name = _by_name(queue)
    rest = by_name[-1].job_ids if by_name and by_name[-1].name == REST else ()
    return by_name if 2 * len(rest) <= len(queue.jobs) else _by_level(queue)


def _by_name(queue: Queue) -> list[Group]:
    """`chunk-0`, `chunk-1`… are `chunk-*`; the largest of these, the rest as one."""
    found: dict[str, list[str]] = {}
    for job in queue.jobs:
        found.setdefault(_NUMBER.sub("", job.job_id), []).append(job.job_id)
    alike = [stem for stem, job_ids in found.items() if len(job_ids) > 1]
    largest = set(sorted(alike, key=lambda stem: -len(found[stem]))[: GROUPS - 1])
    named = [Group(name=_pattern(stem), job_ids=tuple(found[stem])) for stem in found if stem in largest]
    rest = {job_id for stem in found if stem not in largest for job_id in found[stem]}
    if not rest:
        return named
    return [*named, Group(name=REST, job_ids=tuple(j.job_id for j in queue.jobs if j.job_id in rest))]


def _pattern(stem: str) -> str:
    return f"{stem}-*" if stem else "0-9*"  # jobs may have numbers for names


def _by_level(queue: Queue) -> list[Group]:
    """Levels of the graph, neighbours together, in about equal parts."""
    graph = Graph.of(queue)
    levels = graph.levels()
    size = -(-len(queue.jobs) // GROUPS)
    made: list[Group] = []
    first, held = 0, list[int]()
    for number, level in enumerate(levels):
        held += level
        if len(held) >= size or number == len(levels) - 1:
            made.append(_band(graph, first, number, held))
            first, held = number + 1, []
    return made


def _band(graph: Graph, first: int, last: int, members: Sequence[int]) -> Group:
    name = f"level {first + 1}" if first == last else f"levels {first + 1}-{last + 1}"
    return Group(name=name, job_ids=tuple(graph.ids[i] for i in sorted(members)))
