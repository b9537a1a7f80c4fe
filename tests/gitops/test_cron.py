"""When a cron line is due."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.gitops.reconcile.cron import MOST_DAYS, MOST_TIMES, due_times
from runner.validate.schedules import cron_problem

DAY = 86_400.0
MINUTE = 60.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def times(line: str, after: str, until: str) -> list[str]:
    found = due_times(line, at(after), at(until))
    return [datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M") for time in found]


@pytest.mark.parametrize(
    ("line", "after", "until", "expected"),
    [
        ("0 3 * * *", "2026-03-01 00:00", "2026-03-02 12:00", ["2026-03-01 03:00", "2026-03-02 03:00"]),
        ("*/20 4 1 * *", "2026-03-01", "2026-03-02", [f"2026-03-01 04:{m}" for m in ("00", "20", "40")]),
        ("20/15 4 1 * *", "2026-03-01", "2026-03-02", [f"2026-03-01 04:{m}" for m in ("20", "35", "50")]),
        ("5,1-3 4 1 * *", "2026-03-01", "2026-03-02", [f"2026-03-01 04:0{m}" for m in (1, 2, 3, 5)]),
        ("0-10/5 4 1 * *", "2026-03-01", "2026-03-02", [f"2026-03-01 04:{m}" for m in ("00", "05", "10")]),
        ("0 0 1 JAN,jul *", "2026-01-01 00:00", "2027-01-01 00:00", ["2026-07-01 00:00", "2027-01-01 00:00"]),
        ("0 0 * * mon-tue", "2026-03-01", "2026-03-08", ["2026-03-02 00:00", "2026-03-03 00:00"]),
        ("0 0 * * 7", "2026-02-28", "2026-03-08", ["2026-03-01 00:00", "2026-03-08 00:00"]),
        ("0 0 * * 5-7", "2026-03-01", "2026-03-08", [f"2026-03-0{d} 00:00" for d in (6, 7, 8)]),
        ("0 0 * * fri/1", "2026-03-01", "2026-03-08", [f"2026-03-0{d} 00:00" for d in (6, 7, 8)]),
        ("0 0 29 2 *", "2027-06-01", "2028-06-01", ["2028-02-29 00:00"]),
        ("0 0 31 2,4,6 *", "2026-01-01", "2027-01-01", []),
        ("59 23 31 12 *", "2026-12-31 00:00", "2027-01-01", ["2026-12-31 23:59"]),
    ],
)
def test_fields(line: str, after: str, until: str, expected: list[str]) -> None:
    assert times(line, after, until) == expected


def test_one_of_two_kinds_of_day_is_enough() -> None:
    """The 13th, and each Friday; March 2026 begins on a Sunday."""
    assert times("0 0 13 * fri", "2026-03-01", "2026-03-16") == ["2026-03-06 00:00", "2026-03-13 00:00"]
    assert times("0 0 12 * fri", "2026-03-06", "2026-03-16") == ["2026-03-12 00:00", "2026-03-13 00:00"]


def test_a_star_with_a_step_leaves_both_kinds_of_day_in_force() -> None:
    assert times("0 0 */2 * fri", "2026-03-01", "2026-03-16") == ["2026-03-13 00:00"]


def test_the_end_belongs_to_it_and_the_start_does_not() -> None:
    assert times("* * * * *", "2026-03-01 00:00", "2026-03-01 00:02") == [
        "2026-03-01 00:01",
        "2026-03-01 00:02",
    ]
    assert due_times("* * * * *", 59.5, 60.0) == [60.0]
    assert due_times("* * * * *", 60.0, 119.9) == []
    assert due_times("* * * * *", 120.0, 60.0) == []


def test_of_a_long_time_the_end_counts() -> None:
    until = at("2026-03-01 00:00")
    daily = due_times("0 0 * * *", 0.0, until)
    assert len(daily) == MOST_DAYS
    assert daily[-1] == until
    found = due_times("* * * * *", 0.0, until)
    assert len(found) == MOST_TIMES
    assert found == [until - MINUTE * i for i in reversed(range(MOST_TIMES))]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* * 0 * *",
        "*/0 * * * *",
        "a * * * *",
        "5-1 * * * *",
        "@daily",
    ],
)
def test_what_is_no_cron_line_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match=r"cron line|is no|backwards"):
        due_times(line, 0.0, DAY)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """Any field, by its values: `*`, a number, a range, a step, a list of these."""
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    step = st.tuples(st.just("*") | span | number.map(str), st.integers(1, 70)).map(
        lambda two: f"{two[0]}/{two[1]}"
    )
    return st.just("*") | st.lists(number.map(str) | span | step, min_size=1, max_size=3).map(",".join)


LINES = st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)).map(" ".join)
STARTS = st.integers(0, 4_000_000_000).map(float)


@given(line=LINES, start=STARTS, days=st.integers(0, 60))
def test_any_line_gives_whole_minutes_in_order_within_the_time(line: str, start: float, days: int) -> None:
    assert cron_problem(line) == ""
    found = due_times(line, start, start + days * DAY)
    assert found == sorted(set(found))
    assert all(start < time <= start + days * DAY and time % MINUTE == 0 for time in found)


@given(line=LINES, start=STARTS, cut=st.floats(0, 3 * DAY))
def test_a_time_in_two_parts_gives_the_same(line: str, start: float, cut: float) -> None:
    """Whoever asks again from where it stopped neither misses a time nor gets one twice."""
    end, middle = start + 3 * DAY, start + cut
    assert due_times(line, start, middle) + due_times(line, middle, end) == due_times(line, start, end)


@given(minute=st.integers(0, 59), hour=st.integers(0, 23), start=STARTS)
def test_each_day_has_its_time_once(minute: int, hour: int, start: float) -> None:
    assert len(due_times(f"{minute} {hour} * * *", start, start + 30 * DAY)) == 30


@given(line=st.text(max_size=30) | st.text("0123456789*,-/ mondecj", max_size=30), start=STARTS)
def test_any_text_is_a_line_or_an_error(line: str, start: float) -> None:
    with contextlib.suppress(ValueError):
        assert due_times(line, start, start) == []
