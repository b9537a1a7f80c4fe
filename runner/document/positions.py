"""Routes → lines and columns, over a stream of marks that YAML and JSON both give.

Computed only when there is a problem to show. A key that came by `<<` or through an alias is not in
the text below its route: it gets the place of the nearest mapping, list or alias on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from runner.document.limits import MAX_FLAWS, Flaw
from runner.problems import Route, shorten

MAP, LIST, END, SCALAR, OPAQUE = range(5)
"""Kinds of marks. OPAQUE stands where a value is that the text does not show there (an alias)."""


class Mark(NamedTuple):
    """`last` is the last line of a scalar; 0 where it is the same line."""

    kind: int
    text: str
    line: int
    column: int
    last: int = 0


class Place(NamedTuple):
    """`is_scalar`: it is a text, number or constant, which ends in line `last`."""

    line: int
    column: int
    last: int = 0
    is_scalar: bool = False


class _Node:
    """One step of the wanted routes, with the places of its key and value once they were met."""

    __slots__ = ("children", "key", "value")

    def __init__(self) -> None:
        self.children: dict[str | int, _Node] = {}
        self.key: Mark | None = None
        self.value: Mark | None = None


class _Level:
    """An open mapping or list. `key` is the mark of a key that waits for its value."""

    __slots__ = ("index", "is_list", "key", "node")

    def __init__(self, node: _Node | None, is_list: bool) -> None:
        self.node = node
        self.is_list = is_list
        self.index = 0
        self.key: Mark | None = None


def find(marks: Iterable[Mark], routes: Sequence[tuple[Route, bool]]) -> list[Place]:
    """Where each route leads to (with True: of its last key), in one pass that ends with the last."""
    root = _Node()
    unmet = 1 + sum(_insert(root, route) for route, _ in routes)
    for node, key, value in _visits(marks, root):
        if node.value is None:
            node.key, node.value = key, value
            unmet -= 1
            if not unmet:
                break
    return [_place(root, route, at_key) for route, at_key in routes]


def _insert(root: _Node, route: Route) -> int:
    """How many nodes were new."""
    node, new = root, 0
    for step in route:
        if step not in node.children:
            node.children[step] = _Node()
            new += 1
        node = node.children[step]
    return new


def _visits(marks: Iterable[Mark], root: _Node) -> Iterator[tuple[_Node, Mark | None, Mark]]:
    """Each value of the text that is on a wanted route, with the mark of its key."""
    stack: list[_Level] = []
    for mark in marks:
        if mark.kind == END:
            stack.pop()
            continue
        level = stack[-1] if stack else None
        if level is not None and not level.is_list and level.key is None:
            level.key = mark
            if mark.kind in (
                MAP,
                LIST,
            ):  # a key that is no text: a problem of its own, and no route leads inside
                stack.append(_Level(None, mark.kind == LIST))
            continue
        node = root if level is None else _step(level)
        if node is not None:
            yield node, level.key if level is not None else None, mark
        if level is not None:
            level.key = None
        if mark.kind in (MAP, LIST):
            stack.append(_Level(node, mark.kind == LIST))


def _step(level: _Level) -> _Node | None:
    if level.is_list:
        level.index += 1
        return level.node.children.get(level.index - 1) if level.node is not None else None
    return level.node.children.get(level.key.text) if level.node is not None and level.key else None


def _place(root: _Node, route: Route, at_key: bool) -> Place:
    node, whole = root, True
    for step in route:
        below = node.children[step]
        if below.value is None:
            whole = False
            break
        node = below
    mark = node.key if whole and at_key and node.key is not None else node.value
    if mark is None:
        return Place(0, 0)
    return Place(mark.line, mark.column, mark.last or mark.line, whole and mark.kind == SCALAR)


def duplicates(marks: Iterable[Mark]) -> Iterator[Flaw]:
    """Every key that stands twice in one mapping, at its second place; at most MAX_FLAWS."""
    stack: list[tuple[dict[str, int] | None, list[bool]]] = []
    found = 0
    for mark in marks:
        if mark.kind == END:
            stack.pop()
            continue
        keys, expects_key = stack[-1] if stack else (None, [False])
        if keys is not None:
            if expects_key[0] and mark.kind == SCALAR:
                if mark.text in keys:
                    found += 1
                    yield _twice(mark, keys[mark.text])
                keys.setdefault(mark.text, mark.line)
            expects_key[0] = not expects_key[0]
        if mark.kind in (MAP, LIST):
            stack.append(({} if mark.kind == MAP else None, [True]))
        if found >= MAX_FLAWS:
            return


def _twice(mark: Mark, first: int) -> Flaw:
    message = f"the key `{shorten(mark.text)}` stands twice in one mapping, first in line {first}"
    return Flaw("duplicate-key", message, "keep one of them", mark.line, mark.column)
