"""One function in one child: its result with its types, or the bound that it went beyond."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading
from typing import Any

import pytest

from runner.bounded import LARGEST_RESULT, BoundExceeded, ChildError, bounded
from tests.measuring import at_most
from tests.waiting import PATIENCE

MEMORY = 128 << 20


def call(function: Any, *args: Any, seconds: float = 1.0) -> Any:
    return bounded(function, *args, seconds=seconds, memory=MEMORY)


def exceeded(function: Any, seconds: float = 1.0) -> str:
    with pytest.raises(BoundExceeded) as caught:
        call(function, seconds=seconds)
    return caught.value.reason


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(10**40), 0.1, "é\0\ud800\n", "", [1, [2.5, None]], {"a": {"b": [False]}, "": 1}],
)
def test_a_result_keeps_its_types(value: Any) -> None:
    found = call(lambda: value)
    assert (found, type(found)) == (value, type(value))


def test_arguments_and_everything_around_are_seen() -> None:
    around = {"a": 1}
    assert call(lambda x, y: [x, y, around], 1, "b") == [1, "b", {"a": 1}]


def test_nothing_that_it_does_is_seen_here() -> None:
    around: list[int] = []
    call(lambda: around.append(1))
    assert around == []


def test_cpu_time_is_bounded() -> None:
    def spin() -> None:
        while True:
            pass

    assert exceeded(spin, seconds=0.2) == "took more than 0.2 s of CPU time"


def test_even_inside_one_operation() -> None:
    assert exceeded(lambda: 9**9**9 > 0, seconds=0.2) == "took more than 0.2 s of CPU time"


def test_wall_time_is_bounded() -> None:
    assert exceeded(lambda: threading.Event().wait(PATIENCE), seconds=0.1) == "took too long"


def test_memory_is_bounded() -> None:
    assert exceeded(lambda: len(b"a" * (1 << 30))) == "needed more than 128 MiB of memory"
    assert call(lambda: len(b"a" * (32 << 20))) == 32 << 20


def test_the_result_is_bounded() -> None:
    assert exceeded(lambda: ["a" * (1 << 20)] * (LARGEST_RESULT // (1 << 20) + 1)) in {
        "made more than 64 MiB",
        "needed more than 128 MiB of memory",
    }


def test_depth_is_bounded() -> None:
    def deep(n: int) -> Any:
        return [deep(n + 1)]

    assert "memory" in exceeded(lambda: deep(0))


def test_an_end_from_outside_is_said() -> None:
    assert exceeded(lambda: os.kill(os.getpid(), signal.SIGKILL)) == "was ended by SIGKILL"
    assert exceeded(lambda: os._exit(3)) == "ended without a result"


def test_a_bug_is_raised_here_with_its_traceback() -> None:
    def broken() -> None:
        raise KeyError("which one")

    with pytest.raises(ChildError, match=r"in broken[\s\S]*KeyError: 'which one'"):
        call(broken)


def test_what_is_not_json_is_a_bug() -> None:
    with pytest.raises(ChildError, match="not JSON serializable"):
        call(object)


@pytest.mark.parametrize(
    ("function", "verdict"),
    [
        (lambda: 1, None),
        (lambda: os._exit(1), BoundExceeded),
        (lambda: threading.Event().wait(PATIENCE), BoundExceeded),
    ],
)
def test_no_child_and_no_descriptor_is_left(function: Any, verdict: type[Exception] | None) -> None:
    before, children = sorted(os.listdir("/proc/self/fd")), _children()
    with contextlib.nullcontext() if verdict is None else pytest.raises(verdict):
        call(function, seconds=0.05)
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert _children() == children


def _children() -> set[str]:
    found = set()
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/children") as file:
            found |= set(file.read().split())
    return found


def test_a_signal_to_the_child_never_runs_our_handlers() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        assert exceeded(lambda: os.kill(os.getpid(), signal.SIGTERM)) == "was ended by SIGTERM"
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == []
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_beside_threads_it_works_without_a_warning() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert call(lambda: 5) == 5
    finally:
        stop.set()
        thread.join()


def test_it_is_cheap() -> None:
    with at_most(yards=100):
        for _ in range(50):
            call(lambda: 1)


def test_our_own_limits_stay() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS), resource.getrlimit(resource.RLIMIT_CPU)
    call(lambda: 1)
    assert (resource.getrlimit(resource.RLIMIT_AS), resource.getrlimit(resource.RLIMIT_CPU)) == before
