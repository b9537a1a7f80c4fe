"""Problems as workflow commands, which GitHub shows on the lines of the change."""

from __future__ import annotations

from collections.abc import Sequence

from runner.problems import Problem, Severity
from runner.report import clean, problems_text

LIMIT = 10
"""GitHub shows ten errors and ten warnings of a step and drops the rest: those are text here."""


def text(problems: Sequence[Problem], files: int) -> str:
    """At most `LIMIT` annotations of each severity, then the others and the summary as text."""
    commands: list[str] = []
    others: list[str] = []
    shown = dict.fromkeys(Severity, 0)
    for problem in problems:
        shown[problem.severity] += 1
        if shown[problem.severity] <= LIMIT:
            commands.append(_command(problem))
        else:
            others.append(_plain(problem))
    return clean.block([*commands, *others, problems_text.summary(problems, files)])


def _command(problem: Problem) -> str:
    place = problem.location
    properties = {"file": place.file, "line": place.line, "col": place.column} if place else {}
    properties["title"] = problem.rule
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    message = problem.message + (f"\n{problem.hint}" if problem.hint else "")
    return f"::{problem.severity.value} {listed}::{_escaped(message)}"


def _escaped(text: str) -> str:
    visible = "\n".join(clean.lines(text))
    return visible.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _plain(problem: Problem) -> str:
    """A line that is never taken for a command: those begin with `::`, or hold `##[` anywhere."""
    hint = f" ({problem.hint})" if problem.hint else ""
    line = f"{problem.location or ''}: {problem.severity.value}: {problem.message} [{problem.rule}]{hint}"
    return "- " + clean.line(line).replace("##[", "## [")
