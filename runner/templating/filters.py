"""`value | filter(…)`: a short list of pure functions that mean what Jinja's filters of that name mean.

Where ours differ: `string`, `join` and `tojson` write booleans as `true` and `false` and never escape for
HTML; `q` quotes for the shell. Each takes the budget first. Filters that take a filter or a test
themselves (`map`, `select`) are in `evaluate`.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable
from typing import Any

from runner.templating.budget import Budget
from runner.templating.lookup import attribute as attribute_of
from runner.templating.lookup import item
from runner.templating.operators import binary, written
from runner.templating.values import TemplateError, Undefined, UndefinedError, json_text, kind

Filter = Callable[..., Any]


def quote(budget: Budget, value: Any) -> str:
    """One word for a POSIX shell; a list gives one word for each item."""
    if isinstance(value, list):
        budget.look_through(value)
        return " ".join(quote(budget, each) for each in value)
    if value is None or isinstance(value, dict):
        raise TemplateError(f"q quotes a string, a number or a list of them, not {kind(value)}")
    budget.room(len(value) if isinstance(value, str) else 8)
    return shlex.quote(written(budget, value))


def items_of(budget: Budget, value: Any, what: str) -> list[Any]:
    """What a loop over `value` gives: items, characters, keys."""
    if not isinstance(value, list | str | dict):
        raise TemplateError(f"{what} takes a list, not {kind(value)}")
    budget.items(len(value))
    budget.step(len(value))
    return list(value)


def picked(value: Any, path: Any) -> Any:
    """`attribute='a.b'`, `attribute=0` of one item of a list."""
    if path is None:
        return value
    for name in str(path).split("."):
        key = int(name) if name.isdecimal() and isinstance(value, list) else name
        value = item(value, key, "the item") if isinstance(key, int) else attribute_of(value, key, "the item")
        if isinstance(value, Undefined):
            raise UndefinedError(value.reason, value.hint)
    return value


def _folded(value: Any, case_sensitive: bool) -> Any:
    return value.lower() if isinstance(value, str) and not case_sensitive else value


def _key(path: Any, case_sensitive: bool) -> Callable[[Any], Any]:
    return lambda value: _folded(picked(value, path), case_sensitive)


def _join(budget: Budget, value: Any, d: str = "", attribute: Any = None) -> str:
    parts = [written(budget, picked(each, attribute)) for each in items_of(budget, value, "join")]
    budget.room(sum(map(len, parts)) + len(d) * len(parts))
    return d.join(parts)


def _length(_: Budget, value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise TemplateError(f"{kind(value)} has no length")
    return len(value)


def _string(name: str) -> Filter:
    def apply(budget: Budget, value: Any, *chars: str) -> Any:
        return getattr(written(budget, value), name)(*chars)

    return apply


def _replace(budget: Budget, value: Any, old: Any, new: Any, count: int | None = None) -> str:
    source, before, after = (written(budget, each) for each in (value, old, new))
    budget.room(len(source) + source.count(before) * len(after))
    return source.replace(before, after, -1 if count is None else count)


def _end(index: int, name: str) -> Filter:
    def apply(budget: Budget, value: Any) -> Any:
        found = items_of(budget, value, name)
        return found[index] if found else Undefined(f"the list is empty: it has no {name} item")

    return apply


def _sort(
    budget: Budget, value: Any, reverse: bool = False, case_sensitive: bool = False, attribute: Any = None
) -> list[Any]:
    budget.look_through(value)
    key = _key(attribute, case_sensitive)
    found = items_of(budget, value, "sort")
    return sorted(
        found, key=lambda each: [key(each)], reverse=bool(reverse)
    )  # in a list equal nulls have an order


def _unique(budget: Budget, value: Any, case_sensitive: bool = False, attribute: Any = None) -> list[Any]:
    key, found = _key(attribute, case_sensitive), list[Any]()
    seen = set[Any]()
    for each in items_of(budget, value, "unique"):
        mark = key(each)
        if mark not in seen:
            seen.add(mark)
            found.append(each)
    return found


def _extreme(choose: Callable[..., Any], name: str) -> Filter:
    def apply(budget: Budget, value: Any, case_sensitive: bool = False, attribute: Any = None) -> Any:
        budget.look_through(value)
        found = items_of(budget, value, name)
        if not found:
            return Undefined(f"the list is empty: it has no {name}")
        return choose(found, key=_key(attribute, case_sensitive))

    return apply


def _sum(budget: Budget, value: Any, attribute: Any = None, start: Any = 0) -> Any:
    total = start
    for each in items_of(budget, value, "sum"):
        total = binary("Add", budget, total, picked(each, attribute))
    return total


def _reverse(budget: Budget, value: Any) -> Any:
    return value[::-1] if isinstance(value, str) else items_of(budget, value, "reverse")[::-1]


def _integer(_: Budget, value: Any, default: Any = 0, base: int = 10) -> Any:
    try:
        return int(value, base) if isinstance(value, str) else int(value)
    except (TypeError, ValueError, OverflowError):
        return _whole(value, default)


def _whole(value: Any, default: Any) -> Any:
    try:
        return int(float(value))  # "3.7" is 3, as in Jinja
    except (TypeError, ValueError, OverflowError):
        return default


def _float(_: Budget, value: Any, default: Any = 0.0) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return default


def _round(_: Budget, value: Any, precision: int = 0, method: str = "common") -> Any:
    if method == "common":
        return round(value, precision)
    if method not in {"ceil", "floor"}:
        raise TemplateError("round takes 'common', 'ceil' or 'floor'")
    return getattr(math, method)(value * 10.0**precision) / 10.0**precision


def _pairs(budget: Budget, value: Any) -> list[list[Any]]:
    if not isinstance(value, dict):
        raise TemplateError(f"items takes a mapping, not {kind(value)}")
    budget.items(len(value))
    return [[key, each] for key, each in value.items()]


def _json(budget: Budget, value: Any) -> str:
    budget.look_through(value)
    return json_text(value)


FILTERS: dict[str, Filter] = {
    "q": quote,
    "join": _join,
    "length": _length,
    "count": _length,
    "string": written,
    "upper": _string("upper"),
    "lower": _string("lower"),
    "capitalize": _string("capitalize"),
    "trim": _string("strip"),
    "replace": _replace,
    "first": _end(0, "first"),
    "last": _end(-1, "last"),
    "list": lambda budget, value: items_of(budget, value, "list"),
    "sort": _sort,
    "unique": _unique,
    "reverse": _reverse,
    "min": _extreme(min, "smallest"),
    "max": _extreme(max, "largest"),
    "sum": _sum,
    "int": _integer,
    "float": _float,
    "round": _round,
    "abs": lambda _, value: abs(value),
    "items": _pairs,
    "tojson": _json,
}


def names() -> Iterable[str]:
    """Every filter's name, those that the evaluation itself knows included."""
    return [*FILTERS, "default", "d", "map", "select", "reject", "selectattr", "rejectattr"]
