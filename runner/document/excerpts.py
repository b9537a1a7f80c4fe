"""Parts of a value as the file writes them: where an expression stands in it, how a number is spelled."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runner.document.positions import Place
from runner.document.scalars import BadScalarError, resolve

_BARE = re.compile(r"[^\s,\]}#]{1,40}")


def part(lines: Sequence[str], place: Place, near: str) -> tuple[int, int]:
    """Line and column of the first `near` in a scalar; of the scalar where the file spells it otherwise."""
    wanted = near.strip().partition("\n")[0]
    if not wanted or not place.is_scalar:
        return place.line, place.column
    before = r"(?<!\w)" if wanted[0].isalnum() else ""
    pattern = re.compile(rf"{before}{re.escape(wanted)}(?!\w)")
    for number in range(place.line, min(place.last, len(lines)) + 1):
        found = pattern.search(lines[number - 1], place.column - 1 if number == place.line else 0)
        if found is not None:
            return number, found.start() + 1
    return place.line, place.column


def bare(lines: Sequence[str], place: Place) -> str:
    """A number, `true` or `false` as the file writes it, or "" where there is none (but an alias)."""
    if not place.is_scalar or not 0 < place.line <= len(lines):
        return ""
    found = _BARE.match(lines[place.line - 1], place.column - 1)
    try:
        value = resolve(found[0]) if found else ""
    except BadScalarError:
        return ""
    return found[0] if found and isinstance(value, int | float) else ""
