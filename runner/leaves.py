"""The texts of a document that may hold expressions, and the way back: new values into a tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from runner.problems import Route
from runner.templating.scan import has_template

WRONG_DELIMITERS = re.compile(
    r"(?<!\$)\{\{-?\s{0,20}((?:params|git|jobs|matrix|item|index|now)\b[^{}]{0,200}?)\s*\}\}"
)
"""Jinja's own delimiters around one of our names. `docker ps --format '{{.Names}}'` is no such thing."""

_INPUTS = frozenset({"params", "with", "template"})


class Role(Enum):
    VALUE = auto()
    KEY = auto()
    WHEN = auto()  # of a job: evaluated while the queue runs
    INPUT = auto()  # what expressions are evaluated with


@dataclass(frozen=True, slots=True)
class Leaf:
    """`route` leads to the value, or for a key to what it names."""

    route: Route
    text: str
    role: Role


def leaves(tree: Any) -> Iterator[Leaf]:
    """Every text that has to be looked at, always in the same order. `x-…` is only a home for anchors."""
    waiting: list[tuple[Route, Any]] = [((), tree)]
    while waiting:
        route, node = waiting.pop()
        if isinstance(node, dict):
            if len(route) < 3 and _holds_when(route) and isinstance(node.get("when"), str):
                yield Leaf((*route, "when"), node["when"], Role.WHEN)
            children = node.items()
        elif isinstance(node, list):
            children = enumerate(node)  # type: ignore[assignment]
        else:
            continue
        yield from _of_container(route, children, waiting)


def _of_container(route: Route, children: Any, waiting: list[tuple[Route, Any]]) -> Iterator[Leaf]:
    inner = []
    for key, value in children:
        if isinstance(key, str) and ("{{" in key or "${" in key) and has_template(key):
            yield Leaf((*route, key), key, Role.KEY)
        if isinstance(value, str):
            if ("{{" in value or "${" in value) and _speaks(value):
                yield from _leaf((*route, key), value)
        elif isinstance(value, dict | list) and (route or not str(key).startswith("x-")):
            inner.append(((*route, key), value))
    waiting.extend(reversed(inner))


def _leaf(route: Route, text: str) -> Iterator[Leaf]:
    if route[0] in _INPUTS:
        yield Leaf(route, text, Role.INPUT)
    elif not (route[-1] == "when" and _holds_when(route[:-1])) and not str(route[0]).startswith("x-"):
        yield Leaf(route, text, Role.VALUE)


def _holds_when(route: Route) -> bool:
    return route == ("defaults",) or (len(route) == 2 and route[0] == "jobs")


def _speaks(text: str) -> bool:
    return has_template(text) or WRONG_DELIMITERS.search(text) is not None


def lay(tree: Any, values: Mapping[Route, Any]) -> Any:
    """The tree with other values at these routes. What does not change is shared, nothing is modified."""
    if () in values:
        return values[()]
    fresh: dict[Route, Any] = {}

    def own(route: Route) -> Any:
        if not route:
            fresh.setdefault((), tree.copy())
        elif route not in fresh:
            holder = own(route[:-1])
            fresh[route] = holder[route[-1]] = holder[route[-1]].copy()
        return fresh[route]

    for route, value in values.items():
        own(route[:-1])[route[-1]] = value
    return own(()) if values else tree
