"""The operators, on JSON values, with their sizes asked for before anything is made."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from runner.templating.budget import BITS, Budget
from runner.templating.values import LimitError, TemplateError, kind, text

Binary = Callable[[Budget, Any, Any], Any]

_SYMBOLS = {
    "Add": "+",
    "Sub": "-",
    "Mul": "*",
    "Div": "/",
    "FloorDiv": "//",
    "Mod": "%",
    "Pow": "**",
}


def binary(name: str, budget: Budget, left: Any, right: Any) -> Any:
    """`left OP right` for the tree's node `name`."""
    try:
        return budget.made(_BINARY[name](budget, left, right))
    except ZeroDivisionError:
        raise TemplateError("division by zero") from None
    except TypeError:
        raise mismatch(_SYMBOLS[name], left, right) from None
    except OverflowError:
        raise LimitError("the template makes a number that is too large") from None


def compare(name: str, budget: Budget, left: Any, right: Any) -> bool:
    if isinstance(left, list | dict):
        budget.look_through(left)
    if isinstance(right, list | dict):
        budget.look_through(right)
    symbol, function = _COMPARE[name]
    try:
        return bool(function(left, right))
    except TypeError:
        raise mismatch(symbol, left, right) from None


def concatenate(budget: Budget, values: list[Any]) -> str:
    """`a ~ b`: the text of both."""
    return budget.made("".join(written(budget, value) for value in values))  # type: ignore[no-any-return]


def written(budget: Budget, value: Any) -> str:
    """The text of a value, once it is known to be of a sane size."""
    if isinstance(value, list | dict):
        budget.look_through(value)
    return text(value)


def negative(value: Any) -> Any:
    return -_number("-", value)


def positive(value: Any) -> Any:
    return +_number("+", value)


def mismatch(symbol: str, left: Any, right: Any) -> TemplateError:
    hint = "write a ~ b to put texts together" if symbol in "+%" and str in (type(left), type(right)) else ""
    return TemplateError(f"{kind(left)} {symbol} {kind(right)} has no meaning", hint)


def _number(symbol: str, value: Any) -> Any:
    if isinstance(value, int | float):
        return value
    raise TemplateError(f"{symbol} takes a number, not {kind(value)}")


def _add(budget: Budget, left: Any, right: Any) -> Any:
    if isinstance(left, str | list) and isinstance(right, str | list):
        budget.room(len(left) + len(right))
    return left + right


def _multiply(budget: Budget, left: Any, right: Any) -> Any:
    for sequence, times in ((left, right), (right, left)):
        if isinstance(sequence, str | list) and isinstance(times, int):
            budget.room(len(sequence) * max(times, 0))
    return left * right


def _modulo(_: Budget, left: Any, right: Any) -> Any:
    # `'%s' % x` would be formatting, with a language (and widths) of its own
    return _number("%", left) % _number("%", right)


def _power(_: Budget, left: Any, right: Any) -> Any:
    base, exponent = _number("**", left), _number("**", right)
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > BITS:
        raise LimitError(f"the template makes an integer of more than {BITS} bits")
    value = base**exponent
    if isinstance(value, complex):
        raise TemplateError("a root of a negative number is not a number")
    return value


_BINARY: dict[str, Binary] = {
    "Add": _add,
    "Sub": lambda _, left, right: left - right,
    "Mul": _multiply,
    "Div": lambda _, left, right: left / right,
    "FloorDiv": lambda _, left, right: left // right,
    "Mod": _modulo,
    "Pow": _power,
}

_COMPARE: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "eq": ("==", operator.eq),
    "ne": ("!=", operator.ne),
    "lt": ("<", operator.lt),
    "lteq": ("<=", operator.le),
    "gt": (">", operator.gt),
    "gteq": (">=", operator.ge),
    "in": ("in", lambda left, right: left in right),
    "notin": ("not in", lambda left, right: left not in right),
}
