"""Circles in a graph, found without recursion and in linear time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

_MOST = 20
"""Circles that are looked for: what is behind them shows once these are mended."""


def circles(before: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """Circles without a common node. `before`: node → nodes it waits for, all of them nodes themselves.

    In each circle every node waits for the one after it, the last for the first.
    """
    left = _stuck(before, set(before))
    for _ in range(_MOST):
        if not left:
            return
        circle = _walk(before, left)
        yield circle
        left = _stuck(before, left.difference(circle))


def _stuck(before: Mapping[str, Sequence[str]], nodes: set[str]) -> set[str]:
    """The nodes of this part of the graph that wait for ever: those on a circle or after one."""
    after: dict[str, list[str]] = {}
    waits = dict.fromkeys(nodes, 0)
    for node in nodes:
        for other in before[node]:
            if other in nodes:
                after.setdefault(other, []).append(node)
                waits[node] += 1
    ready = [node for node, count in waits.items() if not count]
    left = set(nodes)
    while ready:
        node = ready.pop()
        left.discard(node)
        for other in after.get(node, ()):
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    return left


def _walk(before: Mapping[str, Sequence[str]], left: set[str]) -> list[str]:
    """From any node that is stuck to one it waits for, until a node comes again."""
    node = min(left)
    place: dict[str, int] = {}
    path: list[str] = []
    while node not in place:
        place[node] = len(path)
        path.append(node)
        node = next(other for other in before[node] if other in left)
    return path[place[node] :]
