"""What `doctor` found, for people and for programs. Pure."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from runner.report import clean
from runner.setup.checks import Group, blocks
from runner.setup.findings import Finding, Level

_WIDTH = 100
_MARKS = {
    Level.OK: "✓ ok     ",
    Level.NOTE: "· note   ",
    Level.WARNING: "! warning",
    Level.PROBLEM: "✗ problem",
}
"""As wide as each other; the word says it where the sign or its colour does not."""


def text(groups: Sequence[Group]) -> str:
    """A list with headings, and one line that says how many there are."""
    parts = []
    for heading, findings in groups:
        parts.append("\n".join([heading, *(line for finding in findings for line in _lines(finding))]))
    return "\n\n".join([*parts, _summary(groups)])


def _lines(finding: Finding) -> Iterator[str]:
    head = f"  {_MARKS[finding.level]}  "
    yield from _wrapped(finding.what, head)
    if finding.why:
        yield from _wrapped(finding.why, " " * len(head))
    if finding.fix:
        yield from _wrapped(
            f"fix: {finding.fix}" if finding.level is not Level.NOTE else finding.fix, " " * len(head)
        )


def _wrapped(sentence: str, head: str) -> list[str]:
    return textwrap.wrap(
        clean.line(sentence, 400),
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
        break_long_words=False,
    )


def _summary(groups: Sequence[Group]) -> str:
    count = Counter(finding.level for _, findings in groups for finding in findings)
    said = [
        f"{count[level]} {level}{'s' if count[level] > 1 else ''}"
        for level in (Level.PROBLEM, Level.WARNING)
        if count[level]
    ]
    if not said:
        return "Nothing that could be looked at is missing." if count[Level.NOTE] else "Nothing is missing."
    return f"{' and '.join(said)}." + ("" if count[Level.PROBLEM] else " Nothing blocks.")


def as_json(groups: Sequence[Group]) -> str:
    """`version`, `ok` (nothing blocks) and `findings`: `group`, `level`, `what`, `why`, `fix` of each."""
    findings = [
        {"group": heading, "level": str(one.level), "what": one.what, "why": one.why, "fix": one.fix}
        for heading, found in groups
        for one in found
    ]
    return json.dumps(
        {"version": 1, "ok": not blocks(groups), "findings": findings}, indent=2, ensure_ascii=False
    )
