"""Typed inputs of a queue: what was declared and what was given → values. Pure; all problems at once.

A given value is a text (`-p name=value`) or what a file's `with` holds. `pattern` is a regular expression of
the file's author, which can take for ever: resolve files of unknown origin with `rendering.resolve_bounded`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from runner.problems import Problem, Route, shorten
from runner.templating.values import kind, listed, nearest

Values = dict[str, Any]
Convert = Callable[[Any], Any]

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{0,18})?([eE][+-]?[0-9]{1,3})?")


class _MismatchError(Exception):
    """A value that does not fit. The text says what was needed instead."""

    def __init__(self, needed: str, hint: str = "") -> None:
        super().__init__(needed)
        self.needed = needed
        self.hint = hint


def resolve(
    declared: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[Values, frozenset[str], list[Problem]]:
    """The value of each declared param, the names of those that have none, and what is wrong.

    A declaration that is not one (the schema says so) counts as a param without a value, and a
    value that does not fit is a problem and counts as missing, so that nothing is reported twice.
    """
    values: Values = {}
    problems = [_unknown(name, declared) for name in given if name not in declared]
    for name, declaration in declared.items():
        rule = declaration if isinstance(declaration, Mapping) else {}
        problems += _declaration_problems(name, rule)
        raw = given.get(name, rule.get("default"))
        if raw is None:
            continue
        try:
            values[name] = _fitting(raw, rule)
        except _MismatchError as mismatch:
            if name in given:  # a default that does not fit is already reported with the declaration
                problems.append(_misfit(name, raw, mismatch))
    return values, frozenset(name for name in declared if name not in values), problems


def _unknown(name: str, declared: Mapping[str, Any]) -> Problem:
    close = nearest(name, declared)
    known = f"it has: {listed(declared)}" if declared else "it has none"
    return Problem(
        rule="params",
        message=f"the queue has no parameter '{shorten(name)}' ({known})",
        hint=f"did you mean '{close}'?" if close else "declare it under `params`, or leave it out",
        route=("params",),
    )


def _misfit(name: str, raw: Any, mismatch: _MismatchError) -> Problem:
    shown = f"'{shorten(raw)}'" if isinstance(raw, str) else kind(raw)
    return Problem(
        rule="params",
        message=f"parameter '{shorten(name)}' must be {mismatch.needed}, not {shown}",
        hint=mismatch.hint,
        route=("params", name),
    )


def _declaration_problems(name: str, rule: Mapping[str, Any]) -> list[Problem]:
    """A pattern that is none, choices and a default that do not fit."""
    broken = _broken(rule.get("pattern"))
    if broken:
        what = f"the pattern of parameter '{shorten(name)}'"
        message = f"{what} is not a regular expression: {shorten(broken, 80)}"
        return [Problem(rule="params", message=message, route=("params", name, "pattern"))]
    choices, default = rule.get("choices"), rule.get("default")
    bare = {"type": rule.get("type", "string"), "pattern": rule.get("pattern")}
    found = []
    if isinstance(choices, list) and bare["type"] != "list":  # of a list the choices bound the items
        for index, choice in enumerate(choices):
            found += _value_problems(name, ("choices", index), choice, bare)
    if default is not None and not found:
        found += _value_problems(name, ("default",), default, rule)
    return found


def _broken(pattern: Any) -> str:
    """What is wrong with a regular expression, or ""."""
    try:
        re.compile(pattern if isinstance(pattern, str) else "")
    except (re.error, RecursionError, OverflowError) as error:
        return str(error)
    return ""


def _value_problems(name: str, where: Route, value: Any, rule: Mapping[str, Any]) -> list[Problem]:
    try:
        _fitting(value, rule)
    except _MismatchError as mismatch:
        what = f"the {'default' if where == ('default',) else 'choice'} of parameter '{shorten(name)}'"
        shown = f"'{shorten(value)}'" if isinstance(value, str) else kind(value)
        message = f"{what} must be {mismatch.needed}, not {shown}"
        return [Problem(rule="params", message=message, hint=mismatch.hint, route=("params", name, *where))]
    return []


def _fitting(raw: Any, rule: Mapping[str, Any]) -> Any:
    """The value in the declared type. Raises _MismatchError."""
    convert: Convert = _TYPES.get(str(rule.get("type", "string")), _string)
    value, pattern = convert(raw), rule.get("pattern")
    choices = _choices(rule.get("choices"), convert)
    for each in value if isinstance(value, list) else (value,):
        if choices is not None and each not in choices:
            raise _MismatchError(f"one of {listed(shorten(choice, 30) for choice in choices)}")
        if isinstance(pattern, str) and not _matches(pattern, each):
            raise _MismatchError(f"a text that matches {shorten(pattern)}")
    return value


def _choices(written: Any, convert: Convert) -> list[Any] | None:
    """The choices in the declared type: `choices: [1, 2]` of a string are texts."""
    if not isinstance(written, list):
        return None
    if convert is _list:
        return written
    found = []
    for choice in written:
        try:
            found.append(convert(choice))
        except _MismatchError:
            continue  # reported with the declaration
    return found


def _matches(pattern: str, value: Any) -> bool:
    try:
        return re.fullmatch(pattern, str(value)) is not None
    except (re.error, RecursionError, OverflowError):
        return True  # reported with the declaration


def _string(raw: Any) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    raise _MismatchError("a string", "put it in quotes" if isinstance(raw, bool | float) else "")


def _integer(raw: Any) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and _INTEGER.fullmatch(raw.strip()):
        return int(raw)
    raise _MismatchError("an integer")


def _number(raw: Any) -> int | float:
    if isinstance(raw, str) and _INTEGER.fullmatch(raw.strip()):
        return int(raw)
    if isinstance(raw, str) and _NUMBER.fullmatch(raw.strip()):
        raw = float(raw)
    if isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw):
        return raw
    raise _MismatchError("a number")


def _boolean(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    if raw in {"true", "false"}:
        return bool(raw == "true")
    raise _MismatchError("true or false")


def _list(raw: Any) -> list[Any]:
    """A list, a JSON list, or items with commas between them."""
    if isinstance(raw, str):
        raw = _json_list(raw) if raw.lstrip().startswith("[") else [part.strip() for part in raw.split(",")]
        raw = [] if raw == [""] else raw
    if isinstance(raw, list) and all(isinstance(each, str | int | float) for each in raw):
        return raw
    raise _MismatchError("a list of strings, numbers or booleans", "write a,b,c, or a JSON list")


def _no_constant(_: str) -> None:
    """NaN and Infinity are no JSON: they become null, which no list may hold."""


def _json_list(raw: str) -> Any:
    try:
        return json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _MismatchError("a list", "what begins with [ is read as JSON") from None


_TYPES: dict[str, Convert] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "list": _list,
}
