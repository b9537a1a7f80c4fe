"""The machine's clock, which never goes back while this process lives."""

from __future__ import annotations

import time

from runner.events import microseconds


class SystemClock:
    """Wall time at the start, carried on by the monotonic clock: a corrected clock moves no deadline."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        return microseconds(self._offset + time.monotonic())
