"""Problems for programs: one JSON object, documented in docs/reports.md."""

from __future__ import annotations

import json
from collections.abc import Sequence

from runner.problems import Problem, Severity

VERSION = 1


def text(problems: Sequence[Problem], files: Sequence[str]) -> str:
    """`files` are the names of all files that were checked, those without problems included."""
    errors = sum(p.severity is Severity.ERROR for p in problems)
    report = {
        "version": VERSION,
        "valid": errors == 0,
        "files": list(files),
        "errors": errors,
        "warnings": len(problems) - errors,
        "problems": [_one(p) for p in problems],
    }
    return json.dumps(report, indent=2) + "\n"


def _one(problem: Problem) -> dict[str, object]:
    place = problem.location
    return {
        "file": place.file if place else None,
        "line": place.line if place and place.line else None,
        "column": place.column if place and place.line else None,
        "severity": problem.severity.value,
        "rule": problem.rule,
        "message": problem.message,
        "hint": problem.hint,
    }
