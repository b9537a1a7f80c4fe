"""A syntax tree and some names → a value. Nothing else can be reached from here.

Nodes are told apart by their class's name, so that Jinja is loaded only where something is parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runner.templating.budget import Budget
from runner.templating.checks import TESTS
from runner.templating.filters import FILTERS, items_of, picked
from runner.templating.lookup import attribute, item, named, part
from runner.templating.operators import binary, compare, concatenate, negative, positive
from runner.templating.values import LimitError, TemplateError, Undefined, UndefinedError, kind

METHODS = frozenset({"startswith", "endswith", "split", "strip", "lower", "upper", "replace"})
"""What a string can be asked: `git.branch.startswith('release/')`."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a template sees, and what it may still spend."""

    names: Mapping[str, Any]
    budget: Budget
    functions: Mapping[str, Callable[..., Any]]

    def with_names(self, names: Mapping[str, Any]) -> Scope:
        self.budget.step(1 + len(self.names) // 16)  # every name is copied
        return replace(self, names={**self.names, **names})


def value(node: Any, scope: Scope) -> Any:
    """What the expression gives. Raises TemplateError, also for a name that leads nowhere."""
    found = look(node, scope)
    if type(found) is Undefined:
        raise UndefinedError(found.reason, found.hint)
    return found


def look(node: Any, scope: Scope) -> Any:
    """The same, but for an expression that leads nowhere: that gives `Undefined`."""
    scope.budget.step()
    return _NODES[type(node).__name__](node, scope)


def path(node: Any) -> str:
    """How the template calls what it reads: `jobs['build'].outputs`."""
    name = type(node).__name__
    if name == "Name":
        return str(node.name)[:60]
    if name == "Getattr":
        return f"{path(node.node)}.{node.attr[:60]}"
    if name == "Getitem" and type(node.arg).__name__ == "Const" and isinstance(node.arg.value, str | int):
        return f"{path(node.node)}[{str(node.arg.value)[:60]!r}]"
    return "the value"


def range_of(budget: Budget, *bounds: Any) -> list[int]:
    """`range(stop)`, `range(start, stop, step)`, as a list of at most `budget.RANGE` integers."""
    if not 1 <= len(bounds) <= 3 or not all(type(bound) is int for bound in bounds):
        raise TemplateError("range takes one to three integers")
    try:
        numbers = range(*bounds)
    except ValueError:
        raise TemplateError("range cannot go in steps of 0") from None
    count = max(0, -((numbers.start - numbers.stop) // numbers.step))  # len() fails beyond 2⁶³
    budget.items(count)
    return list(numbers)


def called(name: str, function: Callable[..., Any], budget: Budget, given: list[Any], named_: Any) -> Any:
    """The result of a filter, a test or a function, every failure being the template's."""
    try:
        return function(budget, *given, **named_)
    except (TypeError, ValueError, AttributeError):
        what = " and ".join(kind(each) for each in given[:3]) or "nothing"
        raise TemplateError(f"{name} cannot be used with {what}") from None
    except (OverflowError, MemoryError):
        raise LimitError(f"{name} makes a value that is too large") from None


def _arguments(node: Any, scope: Scope) -> tuple[list[Any], dict[str, Any]]:
    return [value(each, scope) for each in node.args], {k.key: value(k.value, scope) for k in node.kwargs}


def _call(node: Any, scope: Scope) -> Any:
    given, named_ = _arguments(node, scope)
    if type(node.node).__name__ == "Getattr":
        return _method(node.node, given, scope)
    name = node.node.name
    result = called(name, scope.functions[name], scope.budget, given, named_)
    return scope.budget.made(result)


def _method(node: Any, given: list[Any], scope: Scope) -> Any:
    owner = value(node.node, scope)
    if not isinstance(owner, str) or node.attr not in METHODS:
        raise TemplateError(f"{kind(owner)} has no {node.attr[:60]}()")
    if node.attr == "replace":
        return called("replace", FILTERS["replace"], scope.budget, [owner, *given], {})
    scope.budget.room(len(owner))
    result = called(node.attr, lambda _, *rest: getattr(owner, node.attr)(*rest), scope.budget, given, {})
    return scope.budget.made(result)


def _filter(node: Any, scope: Scope) -> Any:
    if node.name in {"default", "d"}:
        return _default(node, scope)
    source = value(node.node, scope)
    given, named_ = _arguments(node, scope)
    if node.name in _WITH_FUNCTION:
        return _WITH_FUNCTION[node.name](scope.budget, source, *_chosen(node.name, given, named_))
    result = called(node.name, FILTERS[node.name], scope.budget, [source, *given], named_)
    return result if type(result) is Undefined else scope.budget.made(result)


def _default(node: Any, scope: Scope) -> Any:
    source = look(node.node, scope)
    given, named_ = _arguments(node, scope)
    fallback = given[0] if given else named_.get("default_value", "")
    also_if_false = given[1] if len(given) > 1 else named_.get("boolean", False)
    return fallback if type(source) is Undefined or (also_if_false and not source) else source


def _chosen(name: str, given: list[Any], named_: dict[str, Any]) -> tuple[Any, str, list[Any]]:
    """`map(attribute='a')`, `map('upper')`, `select('gt', 3)`, `selectattr('a', 'gt', 3)`."""
    rest, wanted = list(given), named_.get("attribute")
    if name.endswith("attr") and rest:
        wanted = rest.pop(0)
    function = str(rest.pop(0)) if rest else ""
    known = FILTERS if name == "map" else TESTS
    if function and function not in known:
        raise TemplateError(f"{name} does not know '{function[:60]}'")
    if name == "map" and not function and wanted is None:
        raise TemplateError("map takes the name of a filter, or attribute='NAME'")
    return wanted, function, rest


def _map(budget: Budget, source: Any, wanted: Any, function: str, rest: list[Any]) -> list[Any]:
    found = [picked(each, wanted) for each in items_of(budget, source, "map")]
    if not function:
        return found
    return [budget.made(called(function, FILTERS[function], budget, [each, *rest], {})) for each in found]


def _keeping(keep: bool) -> Callable[..., list[Any]]:
    def apply(budget: Budget, source: Any, wanted: Any, function: str, rest: list[Any]) -> list[Any]:
        def passes(each: Any) -> bool:
            seen = picked(each, wanted)
            return bool(called(function, TESTS[function], budget, [seen, *rest], {}) if function else seen)

        return [each for each in items_of(budget, source, "select") if passes(each) is keep]

    return apply


_WITH_FUNCTION: dict[str, Callable[..., Any]] = {
    "map": _map,
    "select": _keeping(True),
    "selectattr": _keeping(True),
    "reject": _keeping(False),
    "rejectattr": _keeping(False),
}


def _test(node: Any, scope: Scope) -> bool:
    if node.name in {"defined", "undefined"}:
        return (type(look(node.node, scope)) is Undefined) is (node.name == "undefined")
    given, named_ = _arguments(node, scope)
    return bool(called(node.name, TESTS[node.name], scope.budget, [value(node.node, scope), *given], named_))


def _compare(node: Any, scope: Scope) -> bool:
    left = value(node.expr, scope)
    for operand in node.ops:
        right = value(operand.expr, scope)
        if not compare(operand.op, scope.budget, left, right):
            return False
        left = right
    return True


def _and(node: Any, scope: Scope) -> Any:
    left = value(node.left, scope)
    return value(node.right, scope) if left else left


def _or(node: Any, scope: Scope) -> Any:
    left = value(node.left, scope)
    return left or value(node.right, scope)


def _choice(node: Any, scope: Scope) -> Any:
    if value(node.test, scope):
        return look(node.expr1, scope)
    return "" if node.expr2 is None else look(node.expr2, scope)  # as in Jinja: `${{ '-v' if params.loud }}`


def _attribute(node: Any, scope: Scope) -> Any:
    return attribute(value(node.node, scope), node.attr, path(node.node))


def _item(node: Any, scope: Scope) -> Any:
    owner = value(node.node, scope)
    if type(node.arg).__name__ != "Slice":
        return item(owner, value(node.arg, scope), path(node.node))
    ends = (node.arg.start, node.arg.stop, node.arg.step)
    start, stop, step = (None if end is None else value(end, scope) for end in ends)
    return scope.budget.made(part(owner, start, stop, step, path(node.node)))


def _mapping(node: Any, scope: Scope) -> dict[str, Any]:
    made = {}
    for pair in node.items:
        key = value(pair.key, scope)
        if not isinstance(key, str):
            raise TemplateError(f"the keys of a mapping are strings, not {kind(key)}")
        made[key] = value(pair.value, scope)
    return made


def _sequence(node: Any, scope: Scope) -> list[Any]:
    return [value(each, scope) for each in node.items]


def _binary(node: Any, scope: Scope) -> Any:
    return binary(type(node).__name__, scope.budget, value(node.left, scope), value(node.right, scope))


_NODES: dict[str, Callable[[Any, Scope], Any]] = {
    "Const": lambda node, scope: scope.budget.made(node.value),
    "TemplateData": lambda node, _: node.data,
    "Name": lambda node, scope: named(scope.names, node.name),  # type: ignore[arg-type]
    "Getattr": _attribute,
    "Getitem": _item,
    "Call": _call,
    "Filter": _filter,
    "Test": _test,
    "Compare": _compare,
    "And": _and,
    "Or": _or,
    "Not": lambda node, scope: not value(node.node, scope),
    "CondExpr": _choice,
    "Concat": lambda node, scope: concatenate(scope.budget, [value(each, scope) for each in node.nodes]),
    "Neg": lambda node, scope: negative(value(node.node, scope)),
    "Pos": lambda node, scope: positive(value(node.node, scope)),
    "List": _sequence,
    "Tuple": _sequence,
    "Dict": _mapping,
} | dict.fromkeys(("Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"), _binary)

EXPRESSIONS = frozenset(_NODES)
"""The kinds of node that an expression may consist of."""
