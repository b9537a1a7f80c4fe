"""Moments as the log writes them: whole microseconds, RFC 3339, UTC."""

from __future__ import annotations

import calendar
import time
from functools import lru_cache

_second: tuple[int, str] = (-1, "")


def microseconds(at: float) -> float:
    """`at` rounded so that it survives the log: `parse_time(format_time(x)) == x`."""
    whole = int(at)
    micro = round((at - whole) * 1e6)
    return whole + micro / 1e6 if micro < 1_000_000 else whole + 1.0


def format_time(at: float) -> str:
    """RFC 3339, UTC, microseconds: `2026-11-22T18:04:05.123456Z`."""
    global _second  # noqa: PLW0603  the text of a second is used a thousand times in it
    whole = int(at)
    micro = round((at - whole) * 1e6)
    if micro >= 1_000_000:
        whole, micro = whole + 1, 0
    if _second[0] != whole:
        _second = (whole, time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(whole)))
    return f"{_second[1]}{micro:06d}Z"


def parse_time(text: str) -> float:
    """Seconds since the epoch. Raises ValueError for what `format_time` did not write."""
    return _parse_second(text[:19]) + int(text[20:26]) / 1e6


@lru_cache(maxsize=8)
def _parse_second(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))
