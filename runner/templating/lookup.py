"""`a.b` and `a['b']`: keys of mappings and items of lists. No Python attribute is ever read."""

from __future__ import annotations

from typing import Any

from runner.templating.values import TemplateError, Undefined, kind, listed, nearest

_OTHER_WORDS = {
    "secrets": "declare it under the job's `secrets`, and read it as `$NAME` in the command",
    "env": "read it as `$NAME` in the command",
}
"""Names that expressions of workflows have, and what is to be written here instead."""


def named(names: dict[str, Any], name: str) -> Any:
    """The value of a bare name."""
    if name in names:
        return names[name]
    params = names.get("params")
    if isinstance(params, dict) and name in params:
        return Undefined(f"there is no name '{name[:60]}'", f"did you mean params.{name}?")
    close = nearest(name, names)
    hint = f"did you mean {close}?" if close else f"known here: {listed(sorted(names))}"
    hint = _OTHER_WORDS.get(name, hint)
    return Undefined(f"there is no name '{name[:60]}'", hint)


def attribute(value: Any, name: str, path: str) -> Any:
    """`value.name`; `path` is how the template calls `value`."""
    if isinstance(value, dict):
        return value[name] if name in value else absent(value, name, path)
    return Undefined(f"{path} is {kind(value)} and has no '{name[:60]}'")


def item(value: Any, key: Any, path: str) -> Any:
    """`value[key]`."""
    if isinstance(value, dict):
        if not isinstance(key, str):
            return Undefined(f"{path} has no key that is {kind(key)}", "keys are strings")
        return value[key] if key in value else absent(value, key, path)
    if isinstance(value, str | list) and isinstance(key, int):
        if -len(value) <= key < len(value):
            return value[key]
        return Undefined(f"{path} has no item {key}: it has {len(value)}")
    return Undefined(f"{path} is {kind(value)} and has no item that is named by {kind(key)}")


def absent(value: dict[str, Any], name: str, path: str) -> Undefined:
    """What to say of a key that is not there: what is, and which one was meant."""
    has = f"it has: {listed(sorted(value))}" if value else "it is empty"
    close = nearest(name, value)
    hint = f"did you mean '{close}'?" if close else "declare it under `params`" if path == "params" else ""
    return Undefined(f"{path} has no '{name[:60]}' ({has})", hint)


def part(value: Any, start: Any, stop: Any, step: Any, path: str) -> Any:
    """`value[start:stop:step]`."""
    if not isinstance(value, str | list):
        raise TemplateError(f"{path} is {kind(value)} and has no parts")
    if not all(bound is None or isinstance(bound, int) for bound in (start, stop, step)) or step == 0:
        raise TemplateError("[a:b:c] takes integers, and no steps of 0")
    return value[start:stop:step]
