"""Questions that take their time, asked beside what else there is to do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeAlias

from runner.errors import RunnerError
from runner.problems import shorten

Ask: TypeAlias = Callable[[Callable[[], Any]], "Future[Any]"]
"""Asks, and gives back what will have the answer, or what the question raised."""


_PAUSES = (2.0, 5.0, 15.0, 30.0, 60.0)
_LONGEST = 500


def pause_after(failures: int) -> float:
    """Seconds until something that failed so often in a row is asked again."""
    return _PAUSES[min(failures, len(_PAUSES)) - 1]


def sentence(error: RunnerError, *, hint: bool) -> str:
    """What is said of it. It may quote what somebody wrote into a log."""
    said = shorten(error.message, _LONGEST)
    return f"{said}; {error.hint}" if hint and error.hint else said


def at_once(question: Callable[[], Any]) -> Future[Any]:
    asked: Future[Any] = Future()
    _answer(question, asked)
    return asked


def in_background(question: Callable[[], Any]) -> Future[Any]:
    """In a thread that does not outlive the process: a store that does not answer holds nobody's end up."""
    asked: Future[Any] = Future()
    threading.Thread(target=_answer, args=(question, asked), daemon=True, name="asks").start()
    return asked


def _answer(question: Callable[[], Any], asked: Future[Any]) -> None:
    try:
        found = question()
    except BaseException as error:  # noqa: BLE001  raised again for whoever wants the answer
        asked.set_exception(error)
    else:
        asked.set_result(found)
