"""Questions that take their time, asked beside what else there is to do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeAlias

Ask: TypeAlias = Callable[[Callable[[], Any]], "Future[Any]"]
"""Asks, and gives back what will have the answer, or what the question raised."""


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
