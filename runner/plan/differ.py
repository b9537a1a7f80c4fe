"""Values of fields as short texts, and the difference of two long ones."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping

from runner.model import Retry
from runner.plan.changes import FieldChange
from runner.plan.words import attempts_text
from runner.units import format_duration

_SHORT = 60
_DIFF_LINES = 24
_COMPARED_LINES = 400
"""difflib may take quadratic time: longer texts are only counted."""
_DURATIONS = frozenset({"timeout", "kill_grace", "cleanup_timeout"})
_SECRET_NAME = re.compile(r"token|secret|passw|credential|api_?key|private", re.IGNORECASE)


def field_change(name: str, old: str, new: str) -> FieldChange:
    if max(len(old), len(new)) <= _SHORT and "\n" not in old + new:
        return FieldChange(field=name, old=old, new=new)
    if not old or not new:
        return FieldChange(field=name, old=_cut(old), new=_cut(new))
    return FieldChange(field=name, diff=_diff(old.splitlines(), new.splitlines()))


def mapping_changes(
    name: str, old: Mapping[str, object], new: Mapping[str, object], *, hidden: bool = False
) -> list[FieldChange]:
    """One change a key. Values of `hidden` mappings, and of keys that sound like a secret, are not shown."""
    found = []
    for key in (*old, *(key for key in new if key not in old)):
        if key in old and key in new and old[key] == new[key]:
            continue
        field = f"{name}.{key}"
        if hidden or (name != "secrets" and _SECRET_NAME.search(key)):
            found.append(_hidden(field, key in old, key in new))
        else:
            before, after = (shown(key, side[key]) if key in side else "" for side in (old, new))
            found.append(field_change(field, before, after))
    return found


def _hidden(field: str, before: bool, after: bool) -> FieldChange:
    return FieldChange(field=field, old="set" if before else "", new="set" if after else "", hidden=True)


def shown(name: str, value: object) -> str:
    """A field's value as a person would write it. Empty for nothing."""
    if value in (None, (), ""):
        return ""
    if isinstance(value, Retry):
        return retry_text(value)
    if name in _DURATIONS and isinstance(value, int | float):
        return format_duration(value)
    if isinstance(value, str):
        return value
    if isinstance(value, tuple) and name == "depends_on":
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def retry_text(retry: Retry) -> str:
    parts = [attempts_text(retry)]
    if retry.on != Retry().on:
        parts.append("on " + "/".join(sorted(retry.on)))
    if retry.codes:
        parts.append("for exit codes " + " ".join(map(str, retry.codes)))
    if retry.except_codes:
        parts.append("not for exit codes " + " ".join(map(str, retry.except_codes)))
    return ", ".join(parts)


def _cut(text: str) -> str:
    first, _, rest = text.partition("\n")
    if rest:
        return f"{first[:_SHORT]} … ({len(text.splitlines())} lines)"
    return first if len(first) <= _SHORT else f"{first[:_SHORT]}… ({len(first)} characters)"


def _diff(old: list[str], new: list[str]) -> str:
    if max(len(old), len(new)) > _COMPARED_LINES:
        return f"{len(old)} lines became {len(new)}"
    lines = list(difflib.unified_diff(old, new, lineterm="", n=2))[2:]
    clipped = [line if len(line) <= 200 else line[:199] + "…" for line in lines[:_DIFF_LINES]]
    if len(lines) > _DIFF_LINES:
        clipped.append(f"… {len(lines) - _DIFF_LINES} more lines")
    return "\n".join(clipped)
