"""Problems as SARIF 2.1.0, for code scanning and editors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote

from runner.problems import Problem

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def text(problems: Sequence[Problem], version: str) -> str:
    """One SARIF run. `version` is the program's."""
    rules = sorted({p.rule for p in problems})
    index = {rule: i for i, rule in enumerate(rules)}
    driver = {"name": "runner", "version": version, "rules": [_rule(rule) for rule in rules]}
    report = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(p, index[p.rule]) for p in problems],
            }
        ],
    }
    return json.dumps(report, indent=2) + "\n"


def _rule(name: str) -> dict[str, object]:
    return {"id": name, "shortDescription": {"text": name.replace("-", " ")}}


def _result(problem: Problem, rule: int) -> dict[str, object]:
    message = problem.message + (f" ({problem.hint})" if problem.hint else "")
    result: dict[str, object] = {
        "ruleId": problem.rule,
        "ruleIndex": rule,
        "level": problem.severity.value,
        "message": {"text": message},
    }
    place = problem.location
    if place is not None:
        physical: dict[str, object] = {"artifactLocation": {"uri": _uri(place.file)}}
        if place.line:
            region = {"startLine": place.line}
            if place.column:
                region["startColumn"] = place.column
            physical["region"] = region
        result["locations"] = [{"physicalLocation": physical}]
    return result


def _uri(file: str) -> str:
    """A relative reference stays relative; a colon in its first part must not look like a scheme."""
    path = quote(file, safe="/", errors="surrogateescape" if not file.isascii() else "strict")
    return f"file://{path}" if file.startswith("/") else path
