"""What may be told of a run that goes on, so that there is always room for what has ended."""

from __future__ import annotations

BURST = 100
"""Writes at once."""
EACH = 18.0
"""Seconds for each further one: 200 an hour, of 500 that GitHub takes from everybody together."""


class Allowance:
    """A bucket of writes that fills up again; shared by all publishers of a process."""

    def __init__(self, *, burst: int = BURST, each: float = EACH) -> None:
        self._room = (burst - 1) * each
        self._each = each
        self._full_at = 0.0

    @property
    def next(self) -> float:
        """When one more may go, seconds since the epoch."""
        return self._full_at - self._room

    def take(self, now: float) -> None:
        self._full_at = max(self._full_at, now) + self._each
