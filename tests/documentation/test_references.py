"""The reference pages are complete: whatever the schema, the log and the command line have stands in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner import errors, events
from runner.cli.commands import COMMANDS
from runner.model import Git, Outcome
from runner.prepare import Prepared, prepare
from runner.templating import filters
from tests.example_runs import Checkout

ROOT = Path(__file__).parents[2]
LANGUAGE = (ROOT / "docs" / "queue-language.md").read_text()
RUNNING = (ROOT / "docs" / "running.md").read_text()
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
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


def first_queue(page: str) -> str:
    """The first example of a page that is a whole queue."""
    return next(text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "queue_id:" in text)


def prepared(text: str) -> Prepared:
    git = Git(sha="0" * 40, branch="main")
    return prepare("-", checkout=ROOT, environ={}, git=git, now="2026-11-22T18:04:05Z", stdin=text.encode())


@pytest.mark.parametrize("page", [README, LANGUAGE], ids=["README", "language"])
def test_the_first_example_has_no_problem(page: str) -> None:
    assert prepared(first_queue(page)).problems == []


def test_cleaning_up_leaves_what_a_retry_needs() -> None:
    """Of the example in the README: the last job does not delete what the first one made."""
    queue = prepared(first_queue(README)).queue
    assert queue is not None
    fetch, *_, cleanup = queue.jobs
    _, arrow, made = str(fetch.command).partition(" > ")
    assert arrow
    assert any(made in str(job.command) for job in queue.jobs if job.depends_on == (fetch.job_id,))
    assert cleanup.always_run
    assert made not in str(cleanup.command).partition("#")[0]


def test_the_first_example_of_the_language_runs_anywhere(tmp_path: Path) -> None:
    ran = Checkout.at(tmp_path / "checkout").run("-", stdin=first_queue(LANGUAGE))
    assert (ran.code, ran.outcome()) == (0, "succeeded"), ran.stderr
    assert ran.log("tell") == "271 numbers have a seven\n"


def test_every_filter_is_named() -> None:
    assert set(filters.names()) - in_code(LANGUAGE) == set()


def test_every_part_of_the_program_has_its_place_in_the_architecture() -> None:
    parts = {path.stem for path in (ROOT / "runner").iterdir() if (path / "__init__.py").exists()}
    parts |= {path.stem for path in (ROOT / "runner").glob("[!_]*.py")}
    assert parts - in_code(ARCHITECTURE) == set()
