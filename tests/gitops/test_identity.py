"""The run id that a merge gives: the same merge is the same run."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from runner.gitops.merge.identity import run_id

COMMIT = "3e" * 20
SAME: dict[str, Any] = {
    "repository": "octo/lab",
    "commit": COMMIT,
    "path": "queues/a.yaml",
    "at": 1_790_000_000.9,
}


def made(**fields: Any) -> str:
    return run_id("nightly", **{**SAME, **fields})


def test_it_is_the_same_for_ever() -> None:
    """Another id would start every merged queue once more after an upgrade."""
    assert made() == "nightly-20260921T141320-8z05fe"


def test_the_time_is_that_of_the_commit_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert made().startswith("nightly-20260921T141320-")


@pytest.mark.parametrize(
    "other",
    [
        {"repository": "octo/other"},
        {"commit": "3f" * 20},
        {"path": "queues/b.yaml"},
        {"path": os.fsdecode(b"queues/\xff.yaml")},
        {"salt": "31"},
        {"repository": "octo", "commit": f"lab{COMMIT}"},
    ],
)
def test_the_tail_tells_runs_apart(other: dict[str, str]) -> None:
    assert re.fullmatch(r"nightly-\d{8}T\d{6}-[a-z0-9]{6}", made(**other))
    assert made(**other) != made()


def test_each_salt_is_another_run() -> None:
    assert len({made(salt=str(i)) for i in range(1000)}) == 1000


def test_how_the_name_of_the_repository_is_written_does_not_matter() -> None:
    assert made(repository="Octo/LAB") == made()


@pytest.mark.parametrize(("at", "stamp"), [(-5.0, "19700101T000000"), (1e30, "99991231T235959")])
def test_a_time_that_is_none_does_no_harm(at: float, stamp: str) -> None:
    assert made(at=at).startswith(f"nightly-{stamp}-")
