"""Writes the reports of a run into its directory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from runner.clock import SystemClock
from runner.model import Plan
from runner.report import json_report, markdown
from runner.report.evidence import Evidence
from runner.runs.files import evidence
from runner.runs.reading import read
from runner.state import RunState
from runner.stores.disk import trouble

MARKDOWN, JSON = "report.md", "report.json"


def write_reports(directory: Path) -> Path:
    """Write `report.md` and `report.json` from the log alone; the path of the first.

    Raises RunnerError subclasses.
    """
    plan, state = read(directory)
    return write_from(directory, plan, state, evidence(directory, state))


def write_from(directory: Path, plan: Plan, state: RunState, found: Evidence, *, place: str = "") -> Path:
    """The same for a state that was folded already. `place`: where the run is, if not in `directory`."""
    now = SystemClock().now()
    _replace(directory / JSON, json_report.lines(plan, state, found, now))
    _replace(directory / MARKDOWN, [markdown.text(plan, state, found, now, place=place)])
    return directory / MARKDOWN


def _replace(path: Path, pieces: Iterable[str]) -> None:
    """Whole or not at all. Not synced: a report can be made again from the log."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", errors="replace") as file:
            file.writelines(pieces)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise trouble("write", path, error) from error
