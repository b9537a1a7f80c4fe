"""Several may follow one run, and a forge takes whatever is posted: who posts a comment has a claim on it.

A claim is asked for when all else is ready, used soon or asked for again, and kept up while the post is under
way. Who gets it looks for the comment once more: its last holder may have posted it, and died.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Protocol

from runner.errors import StoreError
from runner.ports import Clock
from runner.publish.asking import Ask, pause_after, sentence

GOOD = 30.0
"""Seconds from the answer in which a post may begin."""
_LATE = 60.0
"""Seconds after which an answer says nothing any more. Both together are less than others wait."""
EACH = 10.0
"""Seconds between two questions whether somebody else's claim is over."""
_TRIES = 5
"""Then it is posted without: that nobody says it is worse than twice."""


class Claims(Protocol):
    def take(self, name: str) -> bool:
        """Whether it is ours for two minutes, from asking on. Safe to repeat. Raises StoreError."""


class Claiming:
    """`heard` is called with each answer: what others posted is to be looked for then."""

    def __init__(
        self,
        claims: Claims | None,
        *,
        clock: Clock,
        ask: Ask,
        notice: Callable[[str], None],
        heard: Callable[[], None],
    ) -> None:
        self._claims = claims
        self._clock = clock
        self._ask = ask
        self._notice = notice
        self._heard = heard
        self._asked: tuple[str, float, Future[bool]] | None = None
        self._good: dict[str, float] = {}
        self._next: dict[str, float] = {}
        self._failures = 0

    def may_go(self, name: str) -> float:
        """When this may be posted, or is to be asked for again; 0: now. Without claims everybody may."""
        if self._claims is None or self._failures >= _TRIES:
            return 0.0
        if self._asked is not None and self._asked[2].done():
            (asked, at, answer), self._asked = self._asked, None
            self._take(asked, at, answer)
        now = self._clock.now()
        if now < self._good.get(name, 0.0):
            return 0.0
        if self._asked is None and now >= self._next.get(name, 0.0):
            self._asked = name, now, self._ask(partial(self._claims.take, name))
            return self.may_go(name) if self._asked[2].done() else now + EACH
        return max(now, self._next.get(name, 0.0))

    def _take(self, name: str, at: float, answer: Future[bool]) -> None:
        try:
            is_ours = answer.result()
        except StoreError as error:
            self._failures += 1
            self._next[name] = self._clock.now() + pause_after(self._failures)
            if self._failures in {1, _TRIES}:
                self._notice(sentence(error, hint=True))
        else:
            now = self._clock.now()
            is_late = now - at > _LATE
            self._failures = self._failures + 1 if is_late else 0
            self._good[name] = now + GOOD if is_ours and not is_late else 0.0
            self._next[name] = 0.0 if is_ours else now + EACH
        self._heard()

    @contextlib.contextmanager
    def holding(self, name: str) -> Iterator[None]:
        """Keep it up: a forge may ask for patience, and others must not take us for dead."""
        if self._claims is None:
            yield
            return
        done = threading.Event()
        threading.Thread(target=self._keep, args=(name, done), daemon=True, name="keeps a claim").start()
        try:
            yield
        finally:
            done.set()

    def _keep(self, name: str, done: threading.Event) -> None:
        assert self._claims is not None  # noqa: S101  for the type checker
        while not done.wait(GOOD):
            with contextlib.suppress(StoreError):
                self._claims.take(name)
