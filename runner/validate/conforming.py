"""The part of a tree that follows the schema, so that the other rules can report at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.problems import Problem, Route

_REMOVED: Any = object()
_UNKNOWN = "${{ }}"
"""Stands for a value of an environment or of secrets: its name is there, and no rule can judge it."""
_NAMED = frozenset({"environment", "env", "secrets"})


def conforming(tree: Any, problems: list[Problem]) -> Mapping[str, Any] | None:
    """A copy without the fields that schema problems point at; None where nothing is left to look at."""
    if not isinstance(tree, dict):
        return None
    if not problems:
        return tree
    rest: Any = tree
    for problem in problems:
        if problem.rule == "missing-field":
            continue
        route = problem.route[: _depth(problem.route)]
        named = not problem.at_key and len(route) > 2 and route[-2] in _NAMED
        rest = _without(rest, route, _UNKNOWN if named else _REMOVED)
        if rest is _REMOVED:
            return None
    jobs = rest.get("jobs")
    if isinstance(jobs, list):
        # Removed jobs keep their place, so that routes of the others stay right.
        rest = {**rest, "jobs": [job if isinstance(job, dict) else {} for job in jobs]}
    return rest if isinstance(rest, Mapping) else None


def _depth(route: Route) -> int:
    """A field of a job (`jobs, 3, retry`), an entry of a mapping (`params, n`), or a field of the queue."""
    if route[:1] == ("jobs",):
        return 4 if route[2:3] and route[2] in _NAMED else 3
    if route[:1] == ("defaults",) and route[1:2] and route[1] in _NAMED:
        return 3
    return 2 if len(route) > 1 and isinstance(route[1], str) else 1


def _without(tree: Any, route: Route, instead: Any = _REMOVED) -> Any:
    """The tree less what the route leads to; in lists an empty mapping takes its place."""
    if not route:
        return instead
    step, below = route[0], route[1:]
    if isinstance(tree, dict) and step in tree:
        inner = _without(tree[step], below, instead)
        copy = {key: value for key, value in tree.items() if key != step or inner is not _REMOVED}
        return copy if inner is _REMOVED else {**copy, step: inner}
    if isinstance(tree, list) and isinstance(step, int) and step < len(tree):
        inner = _without(tree[step], below, instead)
        return [*tree[:step], {} if inner is _REMOVED else inner, *tree[step + 1 :]]
    return tree
