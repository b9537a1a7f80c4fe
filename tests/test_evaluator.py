"""The evaluating process: answers in order, floods, requests that are too slow, ends from outside."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.errors import ExecutorError
from runner.evaluation import decode_answer, decode_request, encode_answer, encode_request
from runner.evaluator import Evaluator
from runner.expressions import Answer, JobView, Request
from runner.model import Git
from tests.waiting import PATIENCE

SLOW = (
    "${% set x = 'a' * 1000000 %}${% for i in range(90000) %}${% if 'ab' in x %}${% endif %}${% endfor %}"
    "${{ jobs.a.status }}"
)
"""Within the steps that a template has, yet seconds of work."""


@pytest.fixture
def evaluator() -> Iterator[Evaluator]:
    with contextlib.closing(Evaluator()) as made:
        yield made


def request(number: int = 0, text: str = "${{ jobs.a.outputs.x | q }}", **more: Any) -> Request:
    jobs = {"a": JobView(status="succeeded", exit_code=0, outputs={"x": f"a {number}"})}
    return Request(job_id=f"j{number}", fields={"command": text}, jobs=jobs, **more)


def answers(evaluator: Evaluator, count: int) -> list[Answer]:
    """The next answers, waited for as the scheduler does: on the descriptor, until the deadline."""
    found: list[Answer] = []
    end = time.monotonic() + PATIENCE
    while len(found) < count and time.monotonic() < end:
        wait_for(evaluator)
        found += evaluator.poll()
    return found


def wait_for(evaluator: Evaluator) -> None:
    fd, deadline = evaluator.fileno(), evaluator.deadline()
    assert deadline is not None
    select.select([] if fd is None else [fd], [], [], max(0.0, deadline - time.monotonic()))


def child(evaluator: Evaluator) -> int:
    assert evaluator._child is not None
    return evaluator._child.pid


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(pid: int) -> bool:
    end = time.monotonic() + PATIENCE
    while lives(pid) and time.monotonic() < end:
        select.select([], [], [], 0.02)
    return not lives(pid)


def test_a_request_is_answered(evaluator: Evaluator) -> None:
    evaluator.submit(request(1, when="jobs.a.status == 'succeeded'"))
    assert answers(evaluator, 1) == [Answer(job_id="j1", when=True, values={"command": "'a 1'"})]


def test_nothing_runs_before_it_is_needed(evaluator: Evaluator) -> None:
    assert (evaluator.poll(), evaluator.fileno(), evaluator.deadline()) == ([], None, None)
    assert evaluator._child is None


def test_poll_never_waits(evaluator: Evaluator) -> None:
    evaluator.submit(request(text=SLOW))
    assert evaluator.poll() == []


def test_after_the_answers_there_is_nothing_to_wait_for(evaluator: Evaluator) -> None:
    for number in range(3):
        evaluator.submit(request(number))
        assert [answer.job_id for answer in answers(evaluator, 1)] == [f"j{number}"]
        assert (evaluator.poll(), evaluator.fileno(), evaluator.deadline()) == ([], None, None)


def test_a_mistake_is_an_answer(evaluator: Evaluator) -> None:
    evaluator.submit(request(when="jobs['a'].outputs.count"))
    assert (
        answers(evaluator, 1)[0].error
        == "when: jobs['a'].outputs has no 'count' (it has: x), in `jobs['a'].outputs.count`"
    )


def test_a_flood_is_answered_in_order(evaluator: Evaluator) -> None:
    evaluator.submit(request())
    answers(evaluator, 1)
    before = child(evaluator)
    for number in range(10_000):
        evaluator.submit(request(number, f"run {number} ${{{{ jobs['a'].outputs.x | q }}}}"))
    found = answers(evaluator, 10_000)
    assert [answer.values for answer in found] == [{"command": f"run {n} 'a {n}'"} for n in range(10_000)]
    assert child(evaluator) == before, "one process for all of them"


def test_a_request_larger_than_any_pipe(evaluator: Evaluator) -> None:
    large = {"a": JobView(status="succeeded", outputs={"x": "é" * 300_000})}
    evaluator.submit(Request(job_id="j", fields={"command": "${{ jobs.a.outputs.x }}"}, jobs=large))
    evaluator.submit(request(1))
    first, second = answers(evaluator, 2)
    assert (first.values, second.values) == ({"command": "é" * 300_000}, {"command": "'a 1'"})


def test_one_that_is_too_slow_costs_nobody_else() -> None:
    with contextlib.closing(Evaluator(seconds=0.5)) as evaluator:
        evaluator.submit(request(0))
        answers(evaluator, 1)
        before = child(evaluator)
        for number in range(20):
            evaluator.submit(request(number, SLOW if number == 7 else "${{ jobs.a.outputs.x }}"))
        found = answers(evaluator, 20)
        assert [answer.job_id for answer in found] == [f"j{number}" for number in range(20)]
        assert {answer.job_id: answer.error for answer in found if answer.error} == {
            "j7": "the expression took more than 0.5 s"
        }
        assert child(evaluator) != before
        assert gone(before)


def test_an_end_from_outside_costs_nothing(evaluator: Evaluator) -> None:
    evaluator.submit(request(0))
    answers(evaluator, 1)
    os.kill(child(evaluator), signal.SIGKILL)  # while it has nothing to do
    for number in range(50):
        evaluator.submit(request(number))
    os.kill(child(evaluator), signal.SIGKILL)  # while it has
    assert [answer.values for answer in answers(evaluator, 50)] == [
        {"command": f"'a {n}'"} for n in range(50)
    ]


def test_a_request_that_ends_the_process_again_and_again_fails() -> None:
    with contextlib.closing(Evaluator(seconds=30)) as evaluator:
        evaluator.submit(request(0))
        answers(evaluator, 1)
        evaluator.submit(request(1, SLOW))
        evaluator.submit(request(2))
        os.kill(child(evaluator), signal.SIGKILL)
        first = child(evaluator)
        while child(evaluator) == first or not evaluator._ready:
            wait_for(evaluator)
            assert evaluator.poll() == []
        os.kill(child(evaluator), signal.SIGKILL)
        found = answers(evaluator, 2)
    assert found[0].error == "the process that evaluates expressions ended (SIGKILL)"
    assert found[1].values == {"command": "'a 2'"}


def test_memory_is_bounded() -> None:
    with contextlib.closing(Evaluator(memory=8 << 20)) as evaluator:
        items = "'" + "x" * 900 + "',"
        evaluator.submit(request(1, "${% for i in range(60) %}${{ [" + items * 8 + "] * 900 }}${% endfor %}"))
        evaluator.submit(request(2))
        found = answers(evaluator, 2)
    assert "too large" in found[0].error or "MiB" in found[0].error
    assert found[1].values == {"command": "'a 2'"}


def test_the_process_inherits_nothing(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNNER_TEST_SECRET", "wolpertinger")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        evaluator.submit(request(0))
        answers(evaluator, 1)
        pid = child(evaluator)
        assert sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2"]
        assert b"wolpertinger" not in Path(f"/proc/{pid}/environ").read_bytes()
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        assert os.getsid(pid) == pid


def test_it_starts_from_anywhere(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "runner.py").write_text("raise SystemExit('the wrong one')")
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    evaluator.submit(request(3, "${{ jobs.a.outputs.x ~ '!' }}"))
    assert answers(evaluator, 1)[0].values == {"command": "a 3!"}


def test_close_ends_it(evaluator: Evaluator) -> None:
    evaluator.submit(request(text=SLOW))
    pid = child(evaluator)
    evaluator.close()
    assert not lives(pid)
    assert (evaluator.poll(), evaluator.fileno(), evaluator.deadline()) == ([], None, None)
    evaluator.submit(request(5))
    assert answers(evaluator, 1)[0].values == {"command": "'a 5'"}


ORPHAN = """
import os, sys, time
from runner.evaluator import Evaluator
from runner.expressions import Request
evaluator = Evaluator()
evaluator.submit(Request(job_id="a", when="true"))
while not evaluator.poll():
    pass
print(evaluator._child.pid, flush=True)
{more}
os._exit(1)
"""


def orphaned(more: str = "") -> int:
    """The process of a parent that has ended without a word."""
    code = ORPHAN.format(more=more)
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False)
    return int(done.stdout)


def test_it_ends_with_its_parent() -> None:
    assert gone(orphaned())


@pytest.mark.slow
def test_it_ends_with_its_parent_even_where_another_holds_its_input() -> None:
    held = (
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os.close(1)\n"
        "    os.close(2)\n"
        f"    end = time.monotonic() + {2 * PATIENCE}\n"
        "    while os.path.exists(f'/proc/{evaluator._child.pid}') and time.monotonic() < end:\n"
        "        time.sleep(0.05)"
    )
    assert gone(orphaned(held))


def test_what_cannot_be_started_is_an_operational_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with contextlib.closing(Evaluator()) as evaluator:
        evaluator.submit(request())
        with pytest.raises(ExecutorError, match=r"cannot be started \(exit code 1\)"):
            answers(evaluator, 1)
        assert evaluator.fileno() is None


def test_requests_and_answers_survive_the_wire() -> None:
    asked = Request(
        job_id="a",
        when="true",
        fields={"command": "é\n"},
        params={"l": [1, None, {"a": 0.5}]},
        git=Git(sha="s", branch="b", pr="1", actor="x"),
        jobs={"b": JobView(status="skipped", exit_code=None, outputs={"o": "\ud800"}, held_back=True)},
        direct=("b",),
    )
    assert decode_request(encode_request(asked)) == asked
    assert decode_request(encode_request(Request(job_id="a"))) == Request(job_id="a")
    answered = Answer(job_id="a", when=False, values={"command": "x\ny"}, error="e")
    assert decode_answer(encode_answer(answered)) == answered
    assert encode_request(asked).count(b"\n") == encode_answer(answered).count(b"\n") == 1
