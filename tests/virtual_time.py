"""A clock that goes only when somebody sleeps: hours of waiting pass in no time."""

from __future__ import annotations

import threading


class VirtualTime:
    """The port Clock, with the `sleep` that goes with it. Several threads may share it."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        with self._lock:
            self._now += seconds
            self.slept.append(seconds)
