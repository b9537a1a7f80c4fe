"""What a file may cost, and how one that would cost more is refused."""

from __future__ import annotations

from typing import NamedTuple

from runner.problems import Location, Problem

MAX_BYTES = 10 * 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 750_000
"""Values in a file, with every alias counted as often as it is used. A job has ten to thirty."""
MAX_FLAWS = 100
LARGEST_INTEGER = 2**63 - 1


class Flaw(NamedTuple):
    """A problem of the text itself, where it stands: `line` and `column` from 1, 0 for the whole file."""

    rule: str
    message: str
    hint: str = ""
    line: int = 0
    column: int = 0

    def problem(self, name: str) -> Problem:
        location = Location(file=name, line=self.line, column=self.column)
        return Problem(rule=self.rule, message=self.message, hint=self.hint, location=location)


class Refused(Exception):  # noqa: N818  the word of the domain: the file is refused, at this flaw
    """Reading cannot go on."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.message)
        self.flaw = flaw


def too_deep(line: int, column: int) -> Refused:
    message = f"lists and mappings are nested more than {MAX_DEPTH} deep"
    return Refused(Flaw("too-deep", message, "a queue needs about five levels", line, column))


def too_many(line: int, column: int, because: str = "") -> Refused:
    message = f"the file holds more than {MAX_VALUES:,} values{because}"
    return Refused(Flaw("too-many-values", message, "split the work into several queues", line, column))
