"""The agent: an order on standard input, a run in a directory, an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner import plan as plans
from runner.agent.order import Order, from_json, to_json
from runner.errors import UsageError
from runner.model import Git, Outcome
from runner.runs.reading import read
from runner.state import RunState
from tests.builders import job, queue
from tests.waiting import PATIENCE

RUN = f"q-20260101T000000-{os.getpid() & 0xFFFFFF:06x}"
"""Each worker's own: who goes on with a run ends what is left of it, by its name."""


def carry_out(order: bytes | Order, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-I", "-m", "runner.agent"],
        input=to_json(order) if isinstance(order, Order) else order,
        env={"PATH": "/usr/bin:/bin"} | environ,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


def order(tmp_path: Path, *commands: str, action: str = "start") -> Order:
    jobs = [job(f"j{number}", command=command) for number, command in enumerate(commands)]
    plan = plans.make(queue(*jobs), source="queues/q.yaml", git=Git(sha="a" * 40))
    return Order(
        action=action,
        run_id=RUN,
        directory=tmp_path / ".runner" / RUN,
        checkout=tmp_path,
        plan=plans.to_json(plan).decode(),
    )


def state_of(asked: Order) -> RunState:
    return read(asked.directory)[1]


def test_a_run_is_carried_out_with_its_reports(tmp_path: Path) -> None:
    asked = order(tmp_path, "echo $RUNNER_RUN_ID > ran", "true")
    done = carry_out(asked)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (tmp_path / "ran").read_text() == f"{RUN}\n"
    assert state_of(asked).outcome is Outcome.SUCCEEDED
    assert (asked.directory / "report.md").exists()


def test_what_failed_is_run_again(tmp_path: Path) -> None:
    asked = order(tmp_path, "test -e go")
    assert carry_out(asked).returncode == 1
    (tmp_path / "go").touch()
    assert carry_out(order(tmp_path, "", action="retry")).returncode == 0
    assert state_of(asked).jobs["j0"].attempt == 2


def test_a_finished_run_is_resumed_to_nothing(tmp_path: Path) -> None:
    asked = order(tmp_path, "echo once >> ran")
    assert carry_out(asked).returncode == 0
    assert carry_out(order(tmp_path, "", action="resume")).returncode == 0
    assert (tmp_path / "ran").read_text() == "once\n"


def test_an_order_goes_through_json(tmp_path: Path) -> None:
    asked = order(tmp_path, "true")
    assert from_json(to_json(asked)) == asked


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"null", b'{"action":"start"}', b'{"action":"erase"}', b"[" * 100_000, b"\xff"],
)
def test_what_is_no_order_is_said_in_a_sentence(raw: bytes) -> None:
    with pytest.raises(UsageError, match="not an order"):
        from_json(raw)
    done = carry_out(raw)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_what_cannot_start_is_said(tmp_path: Path) -> None:
    done = carry_out(order(tmp_path, "true", action="resume"))
    assert done.returncode == 3
    assert b"plan.json" in done.stderr
