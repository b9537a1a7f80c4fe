"""Durations and sizes as people write them, and back.

Durations are seconds (float), sizes bytes (int). `1h30m`, `1h 30m`, `1d`, `500ms`, `90`; `8GB`,
`512MiB`, `1024`.
"""

from __future__ import annotations

import re

_DURATION = re.compile(r"(?:\s*\d+(?:\.\d+)?\s*(?:ms|s|m|h|d))+\s*", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMGTP]?)(i?)B?", re.ASCII)
_POWER = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_ALL = 1 << 80
"""Bytes that nobody has."""
LONGEST = 366 * 86400.0
"""No duration may be longer than a year: far beyond any run, and safe for every timer."""


def parse_duration(value: str | float) -> float | None:
    """Seconds, or None where `value` is not a duration (negative, not a number, over a year)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        seconds = float(value) if 0 <= value <= LONGEST else -1.0
    elif _NUMBER.fullmatch(value.strip()):
        seconds = float(value) if len(value) < 32 else -1.0
    elif len(value) < 64 and _DURATION.fullmatch(value):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(value))
    else:
        return None
    return seconds if 0 <= seconds <= LONGEST else None


def format_duration(seconds: float) -> str:
    """`1h30m`, `45s`, `2.5s`, `120ms`: two units at most, what a person would say."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms" if seconds else "0s"
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    units = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
    first = next(i for i, (size, _) in enumerate(units) if whole >= size)
    (size, name), (small, small_name) = units[first], units[first + 1]
    big, rest = divmod(whole, size)
    return f"{big}{name}" + (f"{rest // small}{small_name}" if rest // small else "")


def parse_size(value: str | float) -> int | None:
    """Bytes, or None where `value` is not a size. `GB` is 10⁹, `GiB` 2³⁰."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):  # to JSON Schema `1.0` is an integer, too
        return int(value) if 0 <= value < _ALL else None
    match = _SIZE.fullmatch(value.strip()) if len(value) < 32 else None
    if match is None:
        return None
    number, prefix, binary = match.groups()
    if binary and not prefix:
        return None
    return int(float(number) * (1024 if binary else 1000) ** _POWER[prefix.upper()])


def format_size(size: float) -> str:
    """`312 B`, `4.2 MB`: decimal units, as `ls --si` has them."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
