"""The thin shell around the budget: waits until a request may go, or says when it could."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from runner.errors import ForgeBusyError
from runner.events import format_time
from runner.forges.github.budget import Limits, Spent, earliest, spend
from runner.forges.github.ledger import Ledger, OwnLedger
from runner.ports import Clock

PATIENCE = 900.0
"""Seconds that one request waits for its turn. Who would wait longer is told so instead."""


class Pace:
    def __init__(
        self,
        *,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
        limits: Limits | None = None,
        ledger: Ledger | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.clock = clock
        self._sleep = sleep
        self._whole = self._limits = limits or Limits()
        self._ledger = ledger or OwnLedger()
        self.patience = patience
        self._held_until = 0.0

    def enter(self, *, write: bool) -> None:
        """Return when one request may go; it is booked. Raises ForgeBusyError beyond the patience."""
        deadline = self.clock.now() + self.patience
        while True:
            now = self.clock.now()
            at = self._ledger.book(lambda spent: self._try(spent, now, write=write))  # noqa: B023
            if at <= now:
                return
            if at > deadline:
                raise ForgeBusyError(
                    f"GitHub takes no further {'write' if write else 'request'} before {format_time(at)}",
                    until=at,
                    hint="nothing is lost: what was not published then is published by the next reconcile",
                )
            self._sleep(at - now)

    def _try(self, spent: Spent, now: float, *, write: bool) -> tuple[Spent, float]:
        at = max(earliest(spent, self._limits, now, write=write), self._held_until)
        return (spend(spent, now, write=write), now) if at <= now else (spent, at)

    def share(self, among: int) -> None:
        """From now on take one part of the limits: so many machines write to this repository."""
        self._limits = self._whole.shared(max(1, among))

    def next_write(self) -> float:
        """When a write could go, seconds since the epoch; 0 means at once."""
        now = self.clock.now()
        at = self._ledger.book(
            lambda spent: (spent, max(earliest(spent, self._limits, now, write=True), self._held_until))
        )
        # Not `now`: to who read the clock a moment before, that is later, and will be for ever.
        return at if at > now else 0.0

    def hold(self, seconds: float) -> None:
        """Let nothing go for so long: GitHub asked for it, or it is in trouble."""
        self._held_until = max(self._held_until, self.clock.now() + seconds)

    def observe(self, headers: Mapping[str, str]) -> None:
        """Take notice of what a reply says of the hour's requests: after the last one, wait for the reset."""
        # Other resources (graphql, search) have accounts of their own, and do not end this one.
        if (
            headers.get("x-ratelimit-resource", "core") != "core"
            or headers.get("x-ratelimit-remaining") != "0"
        ):
            return
        reset = headers.get("x-ratelimit-reset", "")
        if reset.isascii() and reset.isdigit():
            self._held_until = max(self._held_until, float(reset))
