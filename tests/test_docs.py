"""The reference pages are complete: whatever the schema, the log and the command line have stands in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner import errors, events
from runner.cli.commands import COMMANDS
from runner.model import Outcome

ROOT = Path(__file__).parent.parent
LANGUAGE = (ROOT / "docs" / "queue-language.md").read_text()
RUNNING = (ROOT / "docs" / "running.md").read_text()
README = (ROOT / "README.md").read_text()
SCHEMA: dict[str, Any] = json.loads((ROOT / "schemas" / "queue.schema.json").read_text())


def in_code(page: str) -> set[str]:
    """Every word that stands in backticks, or in a block of code."""
    spans = re.findall(r"```.*?```|`[^`]+`", page, re.DOTALL)
    return {word for span in spans for word in re.findall(r"[A-Za-z_$][\w-]*", span)}


def fields(*route: str) -> set[str]:
    place = SCHEMA
    for key in route:
        place = place[key]
    return set(place["properties"]) - {"$schema"}


@pytest.mark.parametrize("route", [(), ("$defs", "job"), ("$defs", "retry"), ("$defs", "param")], ids=repr)
def test_every_field_of_the_schema_is_explained(route: tuple[str, ...]) -> None:
    assert fields(*route) - in_code(LANGUAGE) == set()


def test_every_event_is_named() -> None:
    assert set(events.TYPES) - {events.Unknown.type} - in_code(RUNNING) == set()


def test_every_outcome_is_named() -> None:
    assert {outcome.value for outcome in Outcome} - in_code(RUNNING) == set()


def test_every_exit_code_is_explained() -> None:
    constants = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", RUNNING, re.MULTILINE)} == constants
    assert {int(code) for code in re.findall(r"(?:\*\* |· )(\d+) [a-z]", README)} == constants


def test_every_command_is_in_the_readme() -> None:
    assert set(COMMANDS) - in_code(README) == set()
