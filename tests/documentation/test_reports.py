"""The page about machine-readable output names every field that there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner import cli
from runner import events as e
from runner.plan import to_json
from runner.problems import Problem
from runner.report import json_report, problems_json
from runner.report.evidence import Evidence, StoredFile
from tests.builders import RUN_ID, START, failed_log, plan

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
SECTIONS = {part.split("\n", 1)[0]: part for part in PAGE.split("\n## ")}


def documented(title: str) -> set[str]:
    (section,) = [text for heading, text in SECTIONS.items() if heading.startswith(title)]
    return set(re.findall(r"`([a-z_0-9]+)`", section))


def names(value: Any, leave: frozenset[str] = frozenset()) -> set[str]:
    """Every key in a JSON value, but what is below the keys in `leave`."""
    if isinstance(value, list):
        return {name for item in value for name in names(item, leave)}
    if not isinstance(value, dict):
        return set()
    below = {name for key, item in value.items() if key not in leave for name in names(item, leave)}
    return below | set(value)


def test_a_run() -> None:
    log = failed_log()
    finished = next(i for i, event in enumerate(log.events) if isinstance(event, e.AttemptFinished))
    log.events.insert(finished + 1, e.ResultsStored(at=START, job_id="prepare", attempt=1, files=1))
    log.add(e.InstanceLaunched(at=START, instance_id="i-1", price=0.1))
    found = Evidence(files={"prepare": (StoredFile(path="a", size=1, sha256="0"),)})
    report = json.loads(json_report.text(plan(log.queue), log.state(), found, START))
    outcomes = set(report["counts"]) - {"total", "open"}
    given = names(report, frozenset({"because", "outputs"})) - outcomes
    assert {"missing", "max_rss", "sha256", "per_hour"} <= given
    assert given - documented("A run:") == set()


def test_problems() -> None:
    problem = Problem(rule="r", message="m")
    given = names(json.loads(problems_json.text([problem], [])))
    assert "severity" in given
    assert given - documented("Problems:") == set()


def test_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    log = failed_log()
    for name in ("good", "broken"):
        (tmp_path / ".runner" / name).mkdir(parents=True)
    (tmp_path / ".runner/good/plan.json").write_bytes(to_json(plan(log.queue)))
    (tmp_path / ".runner/good/events.jsonl").write_bytes(e.encode_lines(log.events, RUN_ID))
    (tmp_path / ".runner/broken/plan.json").write_text("{")
    assert cli.invoke(["runs", "--json"]) == 0
    given = names(json.loads(capsys.readouterr().out))
    assert {"trouble", "standing", "failures"} <= given
    assert given - documented("Runs:") == set()
