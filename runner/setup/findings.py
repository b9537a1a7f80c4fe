"""One thing that `doctor` has to say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"
    """It could not be looked at: no reason to worry, and none not to."""
    WARNING = "warning"
    PROBLEM = "problem"
    """It stops something that was set up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`what` is so; `why` it matters; `fix`: what to do. The last two are "" where all is well."""

    level: Level
    what: str
    why: str = ""
    fix: str = ""


def ok(what: str) -> Finding:
    return Finding(level=Level.OK, what=what)


def note(what: str, fix: str = "") -> Finding:
    return Finding(level=Level.NOTE, what=what, fix=fix)


def warning(what: str, why: str, fix: str) -> Finding:
    return Finding(level=Level.WARNING, what=what, why=why, fix=fix)


def problem(what: str, why: str, fix: str) -> Finding:
    return Finding(level=Level.PROBLEM, what=what, why=why, fix=fix)
