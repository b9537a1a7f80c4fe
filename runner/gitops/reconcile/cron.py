"""When a cron line is due: five fields in UTC, as `validate.schedules` accepts them. Pure.

Where the day of the month and the day of the week are both restricted, one of them is enough, as in cron.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from runner.validate.schedules import FIELDS, PART, cron_problem, number_of

MOST_DAYS = 400
MOST_TIMES = 10_000
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """Days of the week from 0 (Sunday) to 6. `either`: one kind of day is enough."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def is_on(self, day: datetime) -> bool:
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        fits = in_month or in_week if self.either else in_month and in_week
        return fits and day.month in self.months


def due_times(line: str, after: float, until: float) -> list[float]:
    """The times after `after`, up to and with `until` (seconds since the epoch), oldest first.

    Of a long time only its end is looked at: 400 days, and the newest 10,000 times. Raises ValueError for
    what is no cron line.
    """
    parsed = _parsed(line)
    newest: list[float] = []
    for at in _backwards(parsed, max(after, until - MOST_DAYS * _DAY), until):
        newest.append(at)
        if len(newest) == MOST_TIMES:
            break
    return newest[::-1]


def _backwards(line: _Line, after: float, until: float) -> Iterator[float]:
    """A day of UTC always has 86,400 seconds here."""
    times = sorted(
        (hour * 3600 + minute * 60 for hour in line.hours for minute in line.minutes), reverse=True
    )
    for start in range(int(until // _DAY) * _DAY, int(after // _DAY) * _DAY - 1, -_DAY):
        if line.is_on(datetime.fromtimestamp(start, UTC)):
            yield from (float(start + time) for time in times if after < start + time <= until)


def _parsed(line: str) -> _Line:
    words = line.split()
    problem = cron_problem(line) if len(words) == len(FIELDS) else "a cron line has five fields"
    if problem:
        raise ValueError(problem)
    minutes, hours, days, months, weekdays = map(_values, words, FIELDS)
    return _Line(
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        # A star with a step restricts nothing in this sense: that is how cron has always read it.
        either=not words[2].startswith("*") and not words[4].startswith("*"),
    )


def _values(word: str, field: tuple[str, int, int]) -> frozenset[int]:
    name, low, high = field
    found: set[int] = set()
    for part in word.split(","):
        match = PART.fullmatch(part)
        assert match is not None  # noqa: S101  it was checked
        first, end, step = match.groups()
        begin = low if first is None else number_of(first, name)
        stop = number_of(end, name) if end else high if first is None or step else begin
        assert begin is not None and stop is not None  # noqa: S101, PT018  the same
        found.update(range(begin, stop + 1, int(step or 1)))
    return frozenset(found)
