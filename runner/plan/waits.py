"""How long a job backs off before each retry."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model import Retry, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """`times` retries in a row wait `seconds` each; `jitter` is the share by which a wait may differ."""

    seconds: float
    times: int = 1
    jitter: float = 0.0

    @property
    def longest(self) -> float:
        """Seconds that all of them take at most."""
        return self.seconds * (1 + self.jitter) * self.times


def waits_of(retry: Retry) -> tuple[Wait, ...]:
    """The waits of all retries in order. Equal neighbours are one, so a million retries cost nothing."""
    jitter = retry.jitter if retry.strategy is Strategy.EXPONENTIAL_JITTER else 0.0
    base = min(retry.delay, retry.max_delay)
    if retry.count < 1:
        return ()
    if retry.strategy is Strategy.FIXED or base <= 0:
        return (Wait(seconds=base, times=retry.count, jitter=jitter),)
    waits: list[Wait] = []
    while len(waits) < retry.count and base < retry.max_delay:
        waits.append(Wait(seconds=base, jitter=jitter))
        base = min(base * 2, retry.max_delay)
    if len(waits) < retry.count:
        waits.append(Wait(seconds=base, times=retry.count - len(waits), jitter=jitter))
    return tuple(waits)
