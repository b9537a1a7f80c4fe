"""Params and expressions of a tree → plain values, within bounds."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from runner.leaves import leaves
from runner.model import Git
from runner.prepare.layers import Layers
from runner.problems import Location, Problem, Route, shorten
from runner.render import Rendered
from runner.rendering import render_bounded, resolve_bounded

MOST = 100_000
"""Expressions that a file may hold: they take about two seconds."""
_SIGNS = (b"$", b"\\", b"{{", b"when")
_MARKS = (b"${", b"{{", b"when", b"\\u", b"\\U", b"\\x", b"\\\n", b"\\\r")
"""Without any of these bytes a file holds no expression, in whatever way its text is escaped or folded.
Single bytes are found ten times faster: most generated files need no look at the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """`given` are the values of the params; `missing` those that have none, `problems` have routes."""

    given: Mapping[str, Any] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    problems: list[Problem] = field(default_factory=list)


def values_of(layers: Layers, params: Mapping[str, str], *, require: bool) -> Values:
    """What the params are. `with` gives those of a template; the command line goes before it."""
    tree = layers.tree
    if not isinstance(tree, dict):
        return Values()
    declared, chosen = tree.get("params"), tree.get("with")
    if not declared and not chosen and not params:
        return Values()
    declared = declared if isinstance(declared, dict) else {}
    chosen = chosen if isinstance(chosen, dict) else {}
    known = {name: value for name, value in chosen.items() if name in declared}
    given, missing, found = resolve_bounded(declared, {**known, **params})
    problems = [_unknown(name) for name in chosen if name not in declared]
    problems += [_placed(problem, known.keys() - params.keys(), layers.document.name) for problem in found]
    if require:
        refused = {problem.route[1] for problem in problems if len(problem.route) == 2}
        problems += [_needed(name) for name in sorted(missing - refused)]
    return Values(given=given, missing=missing, problems=problems)


def _unknown(name: str) -> Problem:
    message = f"the template has no parameter `{shorten(name)}`"
    hint = "leave it out, or declare it under `params`"
    return Problem(rule="params", message=message, hint=hint, route=("with", name), at_key=True)


def _placed(problem: Problem, names: Set[str], file: str) -> Problem:
    """A value that does not fit stands in `with`, if that is where it came from."""
    if problem.route == ("params",):  # a name of the command line: no line of the file is to blame
        return replace(problem, location=Location(file=file))
    is_value = len(problem.route) == 2 and problem.route[1] in names
    return replace(problem, route=("with", problem.route[1])) if is_value else problem


def rendered(layers: Layers, values: Values, git: Git, now: str) -> Rendered:
    """The tree with its plan-time expressions evaluated, in a process of its own if there are any."""
    sources = [d.raw for d in (layers.document, layers.template) if d is not None]
    found = list(islice(leaves(layers.tree), MOST + 1)) if any(map(_may_hold_expressions, sources)) else []
    if not found:
        return Rendered(tree=layers.tree, problems=[], deferred={}, volatile={})
    if len(found) > MOST:
        problem = _too_many(found[-1].route)
        return Rendered(tree=layers.tree, problems=[problem], deferred={}, volatile={})
    return render_bounded(layers.tree, params=values.given, git=git, now=now, missing=values.missing)


def _too_many(route: Route) -> Problem:
    message = f"there are more than {MOST:,} expressions, with aliases counted as often as they are used"
    return Problem(
        rule="template-limit", message=message, hint="split the work into several queues", route=route
    )


def _may_hold_expressions(raw: bytes) -> bool:
    return any(sign in raw for sign in _SIGNS) and any(mark in raw for mark in _MARKS)


def _needed(name: str) -> Problem:
    return Problem(
        rule="params",
        message=f"the parameter `{name}` has no value",
        hint=f"give it with -p {name}=…, or add a `default`",
        route=("params", name),
        at_key=True,
    )
