"""Asking again until it works or time is up: what a machine meets before its first job is seldom final."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from runner.agent.uploads import Notice
from runner.errors import CloudBusyError, FencedError, LogError, StoreBusyError, StoreError
from runner.ports import Secrets

Result = TypeVar("Result")
_LONGEST_PAUSE = 15.0
_SETTLING = 60.0
"""Seconds in which a refusal may pass: a role is not known everywhere at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """`until`: on `clock`, when it ends."""

    until: float
    notice: Notice
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic
    settling: float = _SETTLING

    def ask(self, question: Callable[[], Result]) -> Result:
        """Its answer. Raises what the last try raised: StoreError, CloudBusyError; FencedError and LogError
        at once."""
        begun, pause = self.clock(), 0.2
        while True:
            try:
                return question()
            except (FencedError, LogError):
                raise
            except (StoreError, CloudBusyError) as error:
                is_busy = isinstance(error, StoreBusyError | CloudBusyError)
                until = self.until if is_busy else min(self.until, begun + self.settling)
                if self.clock() + pause >= until:
                    raise
                self.notice(error.message)
            self.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientSecrets:
    """Many machines of one merge may ask for theirs in the same second."""

    kept: Secrets
    patience: Patience

    def read(self, source: str) -> str:
        return self.patience.ask(lambda: self.kept.read(source))
