"""A graph drawn in text, one row a job: a lane leads from each job down to the last one that waits for it.

    ○     split
    ├─●   left
    ● │   right
    ●─╯   join

`○` begins something, `●` waits for the jobs whose lanes reach its row; `◇` and `◆` are the same for failure
handlers. A row crosses the lanes it has nothing to do with: `├─│─●`.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

Parents = Sequence[Sequence[int]]
"""Of each node the nodes it waits for."""

_CORNERS = {
    # (left arm, right arm, goes on below)
    (False, False, True): "│",
    (False, True, True): "├",
    (True, False, True): "┤",
    (True, True, True): "┼",
    (False, True, False): "╰",
    (True, False, False): "╯",
    (True, True, False): "┴",
}
_ASCII = str.maketrans("├┤┼┴│─╰╯○●◇◆·×–", "++++|-`'o*hH-x-") | {
    ord("→"): "->",
    ord("…"): "...",
    ord("≤"): "<=",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`node` and the lanes to the left of its name."""

    node: int
    lanes: str


def plain(text: str) -> str:
    """The same in ASCII: lines and arrows have a counterpart, anything else becomes a question mark."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")


def file_order(waits_for: Parents) -> list[int]:
    """Each node after all it waits for, otherwise in the order of the numbers."""
    unmet, children = _turned(waits_for)
    ready = [i for i, count in enumerate(unmet) if count == 0]
    order: list[int] = []
    while ready:
        node = heapq.heappop(ready)
        order.append(node)
        for child in children[node]:
            unmet[child] -= 1
            if unmet[child] == 0:
                heapq.heappush(ready, child)
    return order


def depth_first(waits_for: Parents) -> list[int]:
    """Each node after all it waits for, a branch to its end before the next: often fewer lanes."""
    unmet, children = _turned(waits_for)
    ready = [i for i, count in reversed(list(enumerate(unmet))) if count == 0]
    order: list[int] = []
    while ready:
        node = ready.pop()
        order.append(node)
        for child in reversed(children[node]):
            unmet[child] -= 1
            if unmet[child] == 0:
                ready.append(child)
    return order


def _turned(waits_for: Parents) -> tuple[list[int], list[list[int]]]:
    children: list[list[int]] = [[] for _ in waits_for]
    unmet = [0] * len(waits_for)
    for node, parents in enumerate(waits_for):
        for parent in set(parents):
            children[parent].append(node)
            unmet[node] += 1
    return unmet, children


def draw(parents: Parents, order: Sequence[int], handlers: frozenset[int] = frozenset()) -> list[Row]:
    """One row a node, in `order`, all lanes padded to one width."""
    lanes = _Lanes(parents, handlers)
    rows = [(node, lanes.row(node)) for node in order]
    width = max((len(text) for _, text in rows), default=0)
    return [Row(node=node, lanes=text.ljust(width)) for node, text in rows]


class _Lanes:
    """The columns in use while rows are drawn from top to bottom: each holds the node it comes from."""

    def __init__(self, parents: Parents, handlers: frozenset[int]) -> None:
        self._parents = [sorted(set(row)) for row in parents]
        self._handlers = handlers
        self._unseen = [0] * len(self._parents)
        for row in self._parents:
            for parent in row:
                self._unseen[parent] += 1
        self._columns: list[int | None] = []
        self._just_ended: int | None = None

    def row(self, node: int) -> str:
        parents = self._parents[node]
        for parent in parents:
            self._unseen[parent] -= 1
        joined = {self._columns.index(parent): self._unseen[parent] > 0 for parent in parents}
        at = self._place(joined)
        text = self._text(at, joined, self._glyph(node))
        for column, goes_on in joined.items():
            if not goes_on:
                self._columns[column] = None
        goes_on_here = self._unseen[node] > 0
        self._columns[at] = node if goes_on_here else None
        self._just_ended = None if goes_on_here else at
        return text

    def _place(self, joined: dict[int, bool]) -> int:
        """Straight below a parent whose lane ends here, else in a free column right of the first parent.

        Below a node that just ended only a beginning may stand: anything else would seem to follow from it.
        """
        ending = [column for column, goes_on in joined.items() if not goes_on]
        if ending:
            return min(ending)
        first = min(joined) + 1 if joined else 0
        for column in range(first, len(self._columns)):
            if self._columns[column] is None and (not joined or column != self._just_ended):
                return column
        self._columns.append(None)
        return len(self._columns) - 1

    def _text(self, at: int, joined: dict[int, bool], glyph: str) -> str:
        left, right = min([at, *joined]), max([at, *joined])
        cells: list[str] = []
        for column, source in enumerate(self._columns):
            if column == at:
                cell = glyph
            elif column in joined:
                cell = _CORNERS[column > left, column < right, joined[column]]
            elif source is not None:
                cell = "│"
            else:
                cell = "─" if left < column < right else " "
            cells.append(cell + ("─" if left <= column < right else " "))
        return "".join(cells).rstrip()

    def _glyph(self, node: int) -> str:
        if node in self._handlers:
            return "◆" if self._parents[node] else "◇"
        return "●" if self._parents[node] else "○"


def twins(waits_for: Parents, apart: frozenset[int] = frozenset()) -> list[list[int]]:
    """Nodes with the same parents and the same children in one group, all others and `apart` alone."""
    _, children = _turned(waits_for)
    groups: dict[object, list[int]] = {}
    for node, parents in enumerate(waits_for):
        key = node if node in apart else (tuple(sorted(set(parents))), tuple(children[node]))
        groups.setdefault(key, []).append(node)
    return list(groups.values())


def merged(waits_for: Parents, groups: Sequence[Sequence[int]]) -> list[list[int]]:
    """The same graph between groups of twins."""
    group_of = {node: number for number, group in enumerate(groups) for node in group}
    return [sorted({group_of[parent] for parent in waits_for[group[0]]}) for group in groups]
