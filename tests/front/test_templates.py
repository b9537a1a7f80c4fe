"""A queue file over its template, and the way back to where each value was written."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from runner.templates import origin, overlay

TEMPLATE: dict[str, Any] = {
    "queue_id": "etl",
    "queue_name": "ETL",
    "params": {"n": {"type": "integer", "default": 1}},
    "defaults": {"environment": {"A": "1", "B": "2"}, "timeout": "1h"},
    "x-a": {"k": 1},
    "jobs": [
        {"job_id": "extract", "command": "e", "depends_on": [], "environment": {"X": "1"}},
        {"job_id": "load", "command": "l", "depends_on": ["extract", "check"]},
    ],
}
FILE: dict[str, Any] = {
    "template": "etl",
    "with": {"n": 5},
    "defaults": {"environment": {"B": "3"}},
    "jobs": [
        {"job_id": "notify", "command": "n", "depends_on": ["load"]},
        {"job_id": "load", "depends_on": ["extract"], "timeout": "5m"},
    ],
}


def test_mappings_are_laid_over_by_key_and_jobs_by_id() -> None:
    assert overlay(TEMPLATE, FILE) == {
        "queue_name": "ETL",
        "template": "etl",
        "with": {"n": 5},
        "params": {"n": {"type": "integer", "default": 1}},
        "defaults": {"environment": {"A": "1", "B": "3"}, "timeout": "1h"},
        "x-a": {"k": 1},
        "jobs": [
            {"job_id": "extract", "command": "e", "depends_on": [], "environment": {"X": "1"}},
            {"job_id": "load", "command": "l", "depends_on": ["extract"], "timeout": "5m"},
            {"job_id": "notify", "command": "n", "depends_on": ["load"]},
        ],
    }


def test_neither_is_modified() -> None:
    template, file = copy.deepcopy(TEMPLATE), copy.deepcopy(FILE)
    overlay(template, file)
    assert (template, file) == (TEMPLATE, FILE)


def test_two_files_of_one_template_are_two_queues() -> None:
    assert "queue_id" not in overlay(TEMPLATE, {"template": "etl"})
    assert overlay(TEMPLATE, {"queue_id": "mine"})["queue_id"] == "mine"


def test_a_file_without_jobs_takes_all() -> None:
    assert overlay(TEMPLATE, {"template": "etl"})["jobs"] == TEMPLATE["jobs"]


def test_a_job_that_stands_twice_stays_twice() -> None:
    merged = overlay(
        TEMPLATE, {"jobs": [{"job_id": "load", "command": "1"}, {"job_id": "load", "command": "2"}]}
    )
    assert [job["job_id"] for job in merged["jobs"]] == ["extract", "load", "load"]
    assert [job["command"] for job in merged["jobs"]] == ["e", "1", "2"]


@pytest.mark.parametrize(
    "file", [None, 5, "x", [], {"jobs": 5}, {"jobs": [5, None, {}, {"job_id": 5}, {"job_id": []}]}]
)
def test_any_file_will_do(file: Any) -> None:
    merged = overlay(TEMPLATE, file)
    for route in ((), ("jobs",), ("jobs", 0), ("jobs", 3), ("jobs", 9, "command")):
        origin(TEMPLATE, file, route)
    assert isinstance(merged, dict) or merged == file


@pytest.mark.parametrize("template", [None, 5, {"jobs": 5}, {"jobs": [5, {}]}, {}])
def test_any_template_will_do(template: Any) -> None:
    assert overlay(template, FILE)["jobs"][-1] == FILE["jobs"][-1]


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (("jobs", 0, "command"), (False, ("jobs", 0, "command"))),
        (("jobs", 1, "command"), (False, ("jobs", 1, "command"))),
        (("jobs", 1, "timeout"), (True, ("jobs", 1, "timeout"))),
        (("jobs", 1, "depends_on", 0), (True, ("jobs", 1, "depends_on", 0))),
        (("jobs", 2, "command"), (True, ("jobs", 0, "command"))),
        (("jobs", 1), (True, ("jobs", 1))),
        (("jobs", 2, "nothing"), (True, ("jobs", 0, "nothing"))),
        (("defaults", "environment", "A"), (False, ("defaults", "environment", "A"))),
        (("defaults", "environment", "B"), (True, ("defaults", "environment", "B"))),
        (("with", "n"), (True, ("with", "n"))),
        (("params", "n"), (False, ("params", "n"))),
        (("params", "m"), (True, ("params", "m"))),
        ((), (True, ())),
    ],
)
def test_where_a_value_was_written(route: tuple[Any, ...], expected: tuple[bool, tuple[Any, ...]]) -> None:
    assert origin(TEMPLATE, FILE, route) == expected


def test_every_value_comes_from_where_origin_says() -> None:
    merged = overlay(TEMPLATE, FILE)
    for route, value in _leaves(merged, ()):
        in_file, there = origin(TEMPLATE, FILE, route)
        found: Any = FILE if in_file else TEMPLATE
        for key in there:
            found = found[key]
        assert found == value


def _leaves(tree: Any, route: tuple[Any, ...]) -> Any:
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if isinstance(value, dict | list):
            yield from _leaves(value, (*route, key))
        else:
            yield (*route, key), value
