"""The two retry dialects → `model.Retry`.

documented        `retry_count`, `retry_strategy`, `retry_delay`: `fixed` where a delay is given, else
                  `exponential`; base delay 1 s; the count is of retries
original's code   `retry: {max_attempts, …}`: `fixed`, 5 s, never under 100 ms; the count is of attempts

Either way no delay is longer than 5 minutes. The keys of `retry` that the documented form has no word
for (`on`, `max_delay`, `jitter`, exit codes) may stand beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.canonical import RETRY, RETRY_UNIT
from runner.load.numbers import duration
from runner.model import RETRY_ON, Retry, Strategy

_LONGEST = 300.0
_JITTER = 0.5
_FULL_DELAY, _FULL_LEAST = 5.0, 0.1
_PLAIN = RETRY_UNIT - {"retry"}


def retry_of(job: Mapping[str, Any], defaults: Mapping[str, Any]) -> Retry:
    """The retry fields are one unit: the job's own if it has any, else those of `defaults`."""
    source = defaults if RETRY_UNIT.isdisjoint(job) else job
    full: Mapping[str, Any] = source.get("retry") or {}
    if _PLAIN.isdisjoint(source) and not RETRY.keys().isdisjoint(full):
        return _full(full)
    return _documented(source, full)


def _documented(source: Mapping[str, Any], full: Mapping[str, Any]) -> Retry:
    given = source.get("retry_delay")
    strategy = source.get("retry_strategy") or ("exponential" if given is None else "fixed")
    count = int(source.get("retry_count", 0))
    return _made(count, strategy, min(duration(given, 1.0), _LONGEST), full)


def _full(full: Mapping[str, Any]) -> Retry:
    delay = duration(full.get("base_delay", full.get("delay")), _FULL_DELAY)
    count = int(full.get("max_attempts", 1)) - 1
    return _made(count, full.get("backoff", "fixed"), min(max(delay, _FULL_LEAST), _LONGEST), full)


def _made(count: int, strategy: str, delay: float, full: Mapping[str, Any]) -> Retry:
    jitter = _jitter(full.get("jitter"))
    if jitter and "jitter" in full and strategy == Strategy.EXPONENTIAL:
        strategy = Strategy.EXPONENTIAL_JITTER  # asking for jitter is asking for this strategy
    return Retry(
        count=count,
        strategy=Strategy(strategy),
        delay=delay,
        max_delay=min(duration(full.get("max_delay"), _LONGEST), _LONGEST),
        jitter=jitter,
        on=frozenset(full["on"]) if "on" in full else RETRY_ON,
        codes=tuple(int(code) for code in full.get("retry_on_codes", ())),
        except_codes=tuple(int(code) for code in full.get("dont_retry_on_codes", ())),
    )


def _jitter(given: Any) -> float:
    if given is None or given is True:
        return _JITTER
    return float(given)
