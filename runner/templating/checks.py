"""`value is test`: Jinja's tests of these names, on JSON values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.templating.budget import Budget
from runner.templating.operators import binary, compare

Test = Callable[..., bool]


def _comparing(name: str) -> Test:
    return lambda budget, value, other: compare(name, budget, value, other)


def _divisible(budget: Budget, value: Any, by: Any, rest: int = 0) -> bool:
    return bool(binary("Mod", budget, value, by) == rest)


_KINDS: dict[str, Test] = {
    "none": lambda _, value: value is None,
    "string": lambda _, value: isinstance(value, str),
    "number": lambda _, value: isinstance(value, int | float),
    "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda _, value: isinstance(value, float),
    "boolean": lambda _, value: isinstance(value, bool),
    "true": lambda _, value: value is True,
    "false": lambda _, value: value is False,
    "mapping": lambda _, value: isinstance(value, dict),
    "sequence": lambda _, value: isinstance(value, str | list | dict),
    "iterable": lambda _, value: isinstance(value, str | list | dict),
    "even": lambda budget, value: _divisible(budget, value, 2),
    "odd": lambda budget, value: _divisible(budget, value, 2, 1),
    "divisibleby": _divisible,
}
_COMPARISONS = {
    "in": ("in",),
    "eq": ("eq", "equalto", "=="),
    "ne": ("ne", "!="),
    "lt": ("lt", "lessthan", "<"),
    "lteq": ("le", "<="),
    "gt": ("gt", "greaterthan", ">"),
    "gteq": ("ge", ">="),
}
TESTS = _KINDS | {name: _comparing(meaning) for meaning, all_ in _COMPARISONS.items() for name in all_}


def names() -> list[str]:
    """Every test's name, those that the evaluation itself knows included."""
    return [*TESTS, "defined", "undefined"]
