"""Numbers of a plan in words, the same in every report."""

from __future__ import annotations

from runner.model import Retry
from runner.plan.waits import Wait, waits_of
from runner.units import format_duration

_SHOWN = 8


def attempts_text(retry: Retry) -> str:
    """`6 attempts, waits 1s 2s 4s 8s 16s`; `11 attempts, waits 30s × 10`; `1 attempt`."""
    count = 1 + max(0, retry.count)
    waits = waits_text(waits_of(retry))
    return counted(count, "attempt") + (f", waits {waits}" if waits else "")


def waits_text(waits: tuple[Wait, ...]) -> str:
    """Each wait in order, runs of equal ones as one; `~` before those that jitter moves."""
    shown = [_wait(wait) for wait in waits[:_SHOWN]]
    if len(waits) > _SHOWN:
        shown[-1:] = ["…", _wait(waits[-1])]
    return " ".join(shown)


def _wait(wait: Wait) -> str:
    text = ("~" if wait.jitter else "") + format_duration(wait.seconds)
    return text if wait.times == 1 else f"{text} × {wait.times}"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
