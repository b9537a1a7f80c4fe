"""Who has ended before a job starts: asked about few jobs of many, in linear time for each few thousand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

_AT_ONCE = 4096
"""Bits of one number: so many jobs are followed through the graph together, whatever the graph's size."""

Pair = tuple[str, str]


def unordered(before: Mapping[str, Sequence[str]], pairs: Iterable[Pair]) -> set[Pair]:
    """The pairs (job, other) in which `other` is no ancestor of `job`.

    `before`: job → its dependencies, all of them jobs themselves. Circles are cut somewhere.
    """
    doubtful = {pair for pair in pairs if pair[1] not in before[pair[0]]}
    if not doubtful:
        return set()
    order = _order(before)
    targets = iter(sorted({other for _, other in doubtful}))
    found: set[Pair] = set()
    while some := list(islice(targets, _AT_ONCE)):
        bit = {name: 1 << i for i, name in enumerate(some)}
        ancestors = _ancestors(before, order, bit)
        asked = (pair for pair in doubtful if pair[1] in bit)
        found.update(pair for pair in asked if not ancestors[pair[0]] & bit[pair[1]])
    return found


def _ancestors(
    before: Mapping[str, Sequence[str]], order: Sequence[str], bit: Mapping[str, int]
) -> dict[str, int]:
    known: dict[str, int] = {}
    for job in order:
        bits = 0
        for dependency in before[job]:
            bits |= known.get(dependency, 0) | bit.get(dependency, 0)
        known[job] = bits
    return known


def _order(before: Mapping[str, Sequence[str]]) -> list[str]:
    """Every job after its dependencies, without recursion."""
    order: list[str] = []
    entered: set[str] = set()
    for start in before:
        if start in entered:
            continue
        entered.add(start)
        path: list[tuple[str, Iterator[str]]] = [(start, iter(before[start]))]
        while path:
            job, rest = path[-1]
            step = next((name for name in rest if name not in entered), None)
            if step is None:
                order.append(job)
                path.pop()
            else:
                entered.add(step)
                path.append((step, iter(before[step])))
    return order
