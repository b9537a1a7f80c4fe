"""Problems for people: each with its place, the line it is in, and a mark under the column."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence

from runner.problems import Problem, Severity
from runner.report import clean

_WIDE = 100  # columns of source that are shown around the mark
Paint = Callable[[str, str], str]


def plain(text: str, _: str) -> str:
    return text


def text(problems: Sequence[Problem], sources: Mapping[str, bytes], paint: Paint = plain) -> str:
    """One block a problem. `sources` has the bytes of each file that a location names, where there are any.

    `paint(text, kind)` may colour a part; `kind` is `error`, `warning`, `mark` or `hint`.
    """
    split = {name: raw.decode("utf-8", errors="replace").split("\n") for name, raw in sources.items()}
    return "\n".join(_one(problem, split, paint) for problem in problems)


def summary(problems: Sequence[Problem], files: int) -> str:
    """`2 errors, 1 warning in 3 files`."""
    errors = sum(p.severity is Severity.ERROR for p in problems)
    warnings = len(problems) - errors
    counted = [_count(n, word) for n, word in ((errors, "error"), (warnings, "warning")) if n]
    where = _count(files, "file")
    return f"{', '.join(counted)} in {where}" if counted else f"{where} checked: no problems"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _one(problem: Problem, sources: Mapping[str, list[str]], paint: Paint) -> str:
    where = f"{clean.line(str(problem.location))}: " if problem.location else ""
    label = paint(problem.severity.value, problem.severity.value)
    rows = [f"{where}{label}: {clean.line(problem.message)} [{problem.rule}]"]
    rows += _excerpt(problem, sources, paint)
    if problem.hint:
        rows.append(f"  {paint('hint:', 'hint')} {clean.line(problem.hint)}")
    return clean.block(rows)


def _excerpt(problem: Problem, sources: Mapping[str, list[str]], paint: Paint) -> list[str]:
    place = problem.location
    if place is None or not place.line:
        return []
    rows = sources.get(place.file, [])
    if place.line > len(rows):
        return []
    shown, offset = _window(rows[place.line - 1], place.column)
    gutter = f"{place.line:>5} | "
    if offset is None:
        return [gutter + shown]
    return [gutter + shown, " " * (len(gutter) - 2) + "| " + " " * offset + paint("^", "mark")]


def _window(raw: str, column: int) -> tuple[str, int | None]:
    """The part of a line around a column (from 1), clean, and how many terminal cells come before that."""
    first = max(0, column - 1 - _WIDE // 2) if len(raw) > _WIDE else 0
    lead = "…" if first else ""
    trail = "…" if len(raw) > first + _WIDE else ""
    before = lead + clean.line(raw[first : max(first, column - 1)])
    after = clean.line(raw[max(first, column - 1) : first + _WIDE])
    return (before + after).rstrip() + trail, _cells(before) if column else None


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
