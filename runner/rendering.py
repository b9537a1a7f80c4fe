"""`render` and `resolve` for files of unknown origin: the same, in one child process with bounds.

Only what changes comes back, not the tree. A file whose templates are too much for the bounds gives a problem
that points at the leaf at which the child was.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from runner.bounded import BoundExceeded, bounded
from runner.leaves import Leaf, Role, lay, leaves
from runner.model import Git
from runner.params import Values, resolve
from runner.problems import Problem, Route, Severity
from runner.render import Evaluated, Rendered, evaluate
from runner.templating.syntax import is_plain, warm

MEMORY = 256 << 20
SECONDS = 1.0
SECONDS_A_LEAF = 0.0002
"""Several times what a leaf takes, so that a huge file of small templates passes."""

_NUMBER = 8


def render_bounded(
    tree: Any,
    *,
    params: Mapping[str, Any],
    git: Git,
    now: str,
    missing: frozenset[str] = frozenset(),
    memory: int = MEMORY,
) -> Rendered:
    """`render.render`, in bounded time and memory whatever the templates say."""
    every = list(leaves(tree))
    if not all(is_plain(leaf.text) for leaf in every):
        warm()  # once here, not in each child
    with mmap.mmap(-1, _NUMBER) as place:

        def passing(number: int) -> None:
            place[:_NUMBER] = number.to_bytes(_NUMBER, "little")

        def work() -> dict[str, Any]:
            return _packed(evaluate(tree, params=params, git=git, now=now, missing=missing, passing=passing))

        try:
            packed = bounded(work, seconds=SECONDS + SECONDS_A_LEAF * len(every), memory=memory)
        except BoundExceeded as error:
            return _too_much(tree, every, int.from_bytes(place[:_NUMBER], "little"), error.reason)
    return _unpacked(packed).rendered(tree)


def resolve_bounded(
    declared: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[Values, frozenset[str], list[Problem]]:
    """`params.resolve`, in bounded time whatever the patterns say."""
    patterned = [name for name, rule in declared.items() if isinstance(rule, Mapping) and "pattern" in rule]
    if not patterned:
        return resolve(declared, given)

    def work() -> list[Any]:
        values, missing, problems = resolve(declared, given)
        return [values, sorted(missing), [_packed_problem(problem) for problem in problems]]

    try:
        values, missing, problems = bounded(work, seconds=SECONDS, memory=MEMORY)
    except BoundExceeded as error:
        return {}, frozenset(declared), [_slow_patterns(patterned, error.reason)]
    return values, frozenset(missing), [_unpacked_problem(problem) for problem in problems]


def _slow_patterns(patterned: list[str], reason: str) -> Problem:
    names = ", ".join(patterned[:5])
    return Problem(
        rule="params",
        message=f"matching the patterns of parameters ({names}) {reason}",
        hint="write patterns without repetitions inside repetitions",
        route=("params", patterned[0], "pattern"),
    )


def _too_much(tree: Any, every: list[Leaf], number: int, reason: str) -> Rendered:
    """One problem, and a tree whose conditions are taken out: what was too much here is so everywhere."""
    problem = Problem(
        rule="template-limit",
        message=f"evaluating the template {reason}",
        hint="make it smaller, or the file's templates fewer",
        route=every[number].route,
        at_key=every[number].role is Role.KEY,
    )
    bare = lay(tree, {leaf.route: True for leaf in every if leaf.role is Role.WHEN})
    return Rendered(tree=bare, problems=[problem], deferred={}, volatile={})


def _packed(found: Evaluated) -> dict[str, Any]:
    return {
        "values": [[route, value] for route, value in found.values.items()],
        "problems": [_packed_problem(problem) for problem in found.problems],
        "deferred": [[route, sorted(jobs)] for route, jobs in found.deferred.items()],
        "volatile": [[route, text] for route, text in found.volatile.items()],
    }


def _unpacked(packed: Mapping[str, Any]) -> Evaluated:
    return Evaluated(
        values=_by_route(packed["values"]),
        problems=[_unpacked_problem(problem) for problem in packed["problems"]],
        deferred=_by_route(packed["deferred"], frozenset),
        volatile=_by_route(packed["volatile"]),
    )


def _by_route(pairs: list[Any], convert: Callable[[Any], Any] = lambda value: value) -> dict[Route, Any]:
    return {tuple(route): convert(value) for route, value in pairs}


def _packed_problem(problem: Problem) -> dict[str, Any]:
    return asdict(problem)


def _unpacked_problem(packed: Mapping[str, Any]) -> Problem:
    return Problem(
        rule=packed["rule"],
        message=packed["message"],
        hint=packed["hint"],
        severity=Severity(packed["severity"]),
        route=tuple(packed["route"]),
        at_key=packed["at_key"],
        near=packed["near"],
    )
