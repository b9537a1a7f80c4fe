"""Durations of a validated tree → seconds."""

from __future__ import annotations

from typing import Any, overload

from runner.units import parse_duration


@overload
def duration(value: Any) -> float | None: ...
@overload
def duration(value: Any, default: float) -> float: ...


def duration(value: Any, default: float | None = None) -> float | None:
    """Seconds, or `default` where nothing is given. Raises ValueError: `validate` lets no other text pass."""
    if value is None:
        return default
    seconds = parse_duration(value)
    if seconds is None:
        raise ValueError("a duration that validation should have refused")
    return seconds
