"""A mistake in a user's file: a value, never an exception.

Rules carry *routes* (the keys and indices that lead to the value); `document.locate` turns a
route into file, line and column last, and only when there is a problem to show.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

Route = tuple[str | int, ...]


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where in a file: `line` and `column` count from 1; 0 means that the whole file is meant."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to mend: what (`message`), where (`location`), what to do next (`hint`).

    `rule` is a stable kebab-case name. `at_key` says that the route's last key itself is meant,
    not its value. Text from the file inside `message` is cut short by whoever writes the message.
    `also` is the route of another place that it is about: its line is added to the message when the
    problem is placed. `near` is a text inside the value, where it is about a part of it; `quotes` says
    that the hint is to end with the value as the file writes it (in a tree `1.10` is no longer to be seen).
    """

    rule: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    route: Route = ()
    at_key: bool = False
    location: Location | None = None
    also: Route | None = None
    near: str = ""
    quotes: bool = False

    def placed(self, location: Location) -> Problem:
        return replace(self, location=location)


def shorten(text: object, limit: int = 60) -> str:
    """A value from a file, fit to be shown inside a sentence: one line, printable, at most `limit` long."""
    raw = text if isinstance(text, str) else repr(text)
    clean = "".join(c if c.isprintable() else "�" for c in raw[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
