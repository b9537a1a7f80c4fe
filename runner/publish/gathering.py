"""What the jobs of a run left, read beside everything else where that takes its time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from runner.errors import StoreError
from runner.publish.asking import Ask, pause_after, sentence
from runner.report.evidence import Evidence

_TRIES = 5
"""Then the run is told without."""


class Gathering:
    """`read` raises StoreError; `notice` is told each trouble once."""

    def __init__(self, read: Callable[[], Evidence], *, ask: Ask, notice: Callable[[str], None]) -> None:
        self._read = read
        self._ask = ask
        self._notice = notice
        self._asked: Future[Evidence] | None = None
        self._found: Evidence | None = None
        self._next = 0.0
        self._failures = 0
        self._told: set[str] = set()

    def is_done(self, now: float) -> bool:
        """Whether it is at hand. Looks for it where it is not."""
        if self._found is None and self._asked is None and now >= self._next:
            self._asked = self._ask(self._read)
        if self._asked is not None and self._asked.done():
            asked, self._asked = self._asked, None
            self._take(asked, now)
        return self._found is not None

    def evidence(self) -> Evidence:
        return self._found if self._found is not None else self._read()

    def _take(self, asked: Future[Evidence], now: float) -> None:
        try:
            self._found = asked.result()
        except StoreError as error:
            self._failures += 1
            self._next = now + pause_after(self._failures)
            if self._failures >= _TRIES:
                self._found = Evidence()
            if error.message not in self._told:
                self._told.add(error.message)
                self._notice(sentence(error, hint=True))
