"""The ends of logs that are still written, so that they can be watched from elsewhere."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path

from runner import events as e
from runner.agent.lines import is_regular
from runner.agent.uploads import Put, Uploads
from runner.runs.files import STREAMS, log_name

EVERY = 5.0
"""Seconds between two looks at all of them."""
_AT_ONCE = 16
"""Tails that one look may send: with more jobs than that at once, they take turns."""


class Tails:
    """Which attempts run is what the log says; of each the tail is sent when it has grown."""

    def __init__(self, directory: Path, put_tail: Put, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._put_tail = put_tail
        self._clock = clock
        self._next = 0.0
        self._sizes: OrderedDict[str, int] = OrderedDict()

    def heard(self, event: e.Event | None) -> None:
        if isinstance(event, e.AttemptStarted):
            for stream in STREAMS:
                self._sizes[log_name(event.job_id, event.attempt, stream)] = 0
        elif isinstance(event, e.AttemptFinished):
            for stream in STREAMS:
                self._sizes.pop(log_name(event.job_id, event.attempt, stream), None)

    def look(self, uploads: Uploads) -> None:
        """Send those that have grown, the longest unsent first."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + EVERY
        grown = [(name, size) for name in self._sizes if (size := self._size(name)) != self._sizes[name]]
        for name, size in grown[:_AT_ONCE]:
            if uploads.begin_alone(partial(self._put_tail, name, self._directory / name)):
                self._sizes[name] = size
                self._sizes.move_to_end(name)

    def _size(self, name: str) -> int:
        path = self._directory / name
        return path.stat().st_size if is_regular(path) else self._sizes[name]
