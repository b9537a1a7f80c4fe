"""How long a job backs off before each retry."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model import Retry, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """`times` retries in a row wait `seconds` each; with `jitter` up to `most` seconds."""

    seconds: float
    times: int = 1
    jitter: float = 0.0
    most: float

    @property
    def longest(self) -> float:
        """Seconds that all of them take at most."""
        return self.most * self.times


def waits_of(retry: Retry) -> tuple[Wait, ...]:
    """The waits of all retries in order. Equal neighbours are one, so a million retries cost nothing."""
    base = min(retry.delay, retry.max_delay)
    if retry.count < 1:
        return ()
    if retry.strategy is Strategy.FIXED or base <= 0:
        return (_wait(retry, base, retry.count),)
    waits: list[Wait] = []
    while len(waits) < retry.count and base < retry.max_delay:
        waits.append(_wait(retry, base, 1))
        base = min(base * 2, retry.max_delay)
    if len(waits) < retry.count:
        waits.append(_wait(retry, base, retry.count - len(waits)))
    return tuple(waits)


def _wait(retry: Retry, seconds: float, times: int) -> Wait:
    jitter = retry.jitter if retry.strategy is Strategy.EXPONENTIAL_JITTER else 0.0
    most = min(seconds * (1 + jitter), retry.max_delay)
    return Wait(seconds=seconds, times=times, jitter=jitter, most=most)
