"""Waiting for something outside, with a deadline instead of a guess."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE = 100.0
"""Seconds after which something will not come any more: many times what it takes on a slow machine."""


def until(question: Callable[[], Found | None], seconds: float = PATIENCE) -> Found:
    """The first answer of `question` that is true; asked again and again."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.01)
