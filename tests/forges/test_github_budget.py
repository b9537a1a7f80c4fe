"""The write budget: no window of time holds more than GitHub allows, nothing waits longer than it must."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import ForgeBusyError, ForgeError
from runner.forges.github.budget import HOUR, MINUTE, Limits, Spent, earliest, spend
from runner.forges.github.ledger import Ledger, OwnLedger, SharedLedger
from runner.forges.github.pace import Pace
from tests.virtual_time import VirtualTime

START = 1_800_000_000.0


def crowd(times: list[float], window: float) -> int:
    """The most of `times` (ascending) that any window holds; its start is not in it, its end is."""
    return max((sum(t - window < other <= t for other in times) for t in times), default=0)


def sent(limits: Limits, wishes: list[tuple[float, bool]]) -> tuple[list[float], list[float]]:
    """When requests go that are wished for after each pause: (all, writes). Quarters: sums are exact."""
    spent, now = Spent(), START
    times: list[float] = []
    writes: list[float] = []
    for pause, write in wishes:
        now = earliest(spent, limits, now + pause, write=write)
        spent = spend(spent, now, write=write)
        times.append(now)
        writes += [now] if write else []
    return times, writes


WISHES = st.lists(st.tuples(st.integers(0, 400).map(lambda n: n / 4), st.booleans()), max_size=120)


@given(wishes=WISHES, minute=st.integers(1, 20), hour=st.integers(1, 60), requests=st.integers(1, 80))
def test_no_window_holds_more_than_its_limit(
    wishes: list[tuple[float, bool]], minute: int, hour: int, requests: int
) -> None:
    limits = Limits(apart=1.0, writes_per_minute=minute, writes_per_hour=hour, requests_per_hour=requests)
    times, writes = sent(limits, wishes)
    assert crowd(writes, 1.0) <= 1
    assert crowd(writes, MINUTE) <= minute
    assert crowd(writes, HOUR) <= hour
    assert crowd(times, HOUR) <= requests


def test_a_burst_goes_as_fast_as_it_may_and_no_faster() -> None:
    limits = Limits(apart=0.5, writes_per_minute=80, writes_per_hour=500, requests_per_hour=0)
    _, writes = sent(limits, [(0.0, True)] * 501)
    assert [writes[n] - START for n in (0, 1, 79, 80, 499, 500)] == [0, 0.5, 39.5, 60, 369.5, 3600]


def test_reads_take_requests_but_no_write_slots() -> None:
    limits = Limits(apart=1.0, requests_per_hour=3)
    spent = Spent()
    for _ in range(3):
        assert earliest(spent, limits, START, write=False) == START
        spent = spend(spent, START, write=False)
    assert spent.writes == ()
    assert earliest(spent, limits, START, write=False) == START + HOUR
    assert earliest(spent, limits, START, write=True) == START + HOUR


def test_a_limit_of_zero_is_none() -> None:
    limits = Limits(apart=0, writes_per_minute=0, writes_per_hour=0, requests_per_hour=0)
    assert sent(limits, [(0.0, True)] * 600)[0] == [START] * 600


def test_the_account_forgets_and_a_clock_that_was_set_back_does_not_block() -> None:
    spent = spend(Spent((START, START + 7200), (START, START + 7200)), START + 3700, write=True)
    assert spent == Spent((START + 3700,), (START + 3700,))
    assert earliest(Spent((START + 7200,), (START + 7200,)), Limits(), START, write=True) == START


def test_a_share_of_it() -> None:
    assert Limits().shared(4) == Limits(
        apart=4.0, writes_per_minute=20, writes_per_hour=125, requests_per_hour=250
    )
    assert Limits(writes_per_hour=0).shared(1000).writes_per_hour == 0, "none stays none"
    assert Limits().shared(1000).writes_per_minute == 1, "never nothing at all"


class Going(VirtualTime):
    """Time goes on while one looks."""

    def now(self) -> float:
        self._now += 1e-5
        return self._now


class TestPace:
    def pace(self, clock: VirtualTime, ledger: Ledger | None = None, **limits: float) -> Pace:
        return Pace(
            clock=clock,
            sleep=clock.sleep,
            limits=Limits(**limits),  # type: ignore[arg-type]
            ledger=ledger,
            patience=600,
        )

    def test_waits_for_its_turn(self) -> None:
        clock = VirtualTime(START)
        pace = self.pace(clock)
        for _ in range(3):
            pace.enter(write=True)
        assert clock.now() == START + 2

    def test_reads_wait_for_nothing(self) -> None:
        clock = VirtualTime(START)
        pace = self.pace(clock)
        for _ in range(100):
            pace.enter(write=False)
        assert clock.slept == []

    def test_says_when_instead_of_waiting_too_long(self) -> None:
        clock = VirtualTime(START)
        pace = self.pace(clock, apart=0, writes_per_hour=1)
        pace.enter(write=True)
        with pytest.raises(ForgeBusyError, match=r"no further write before 2027-01-15T09:00:00") as caught:
            pace.enter(write=True)
        assert caught.value.until == START + 3600 == pace.next_write()
        assert clock.slept == []

    def test_who_asks_when_a_write_may_go_and_looked_at_the_clock_before_is_not_told_to_wait(self) -> None:
        clock = Going(START)
        pace = self.pace(clock)
        before = clock.now()
        assert pace.next_write() <= before
        pace.enter(write=True)
        assert pace.next_write() > clock.now()

    def test_holds_everything_when_told_to(self) -> None:
        clock = VirtualTime(START)
        pace = self.pace(clock)
        pace.hold(60)
        pace.hold(5)
        pace.enter(write=False)
        assert clock.now() == START + 60

    @pytest.mark.parametrize(
        ("headers", "until"),
        [
            ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{START + 90:.0f}"}, 90),
            ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": f"{START + 90:.0f}"}, 0),
            ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, 0),
            ({}, 0),
            (
                {
                    "x-ratelimit-remaining": "0",
                    "x-ratelimit-reset": f"{START + 90:.0f}",
                    "x-ratelimit-resource": "graphql",
                },
                0,
            ),
        ],
    )
    def test_takes_notice_of_the_last_request_of_the_hour(
        self, headers: dict[str, str], until: float
    ) -> None:
        clock = VirtualTime(START)
        pace = self.pace(clock)
        pace.observe(headers)
        pace.enter(write=False)
        assert clock.now() == START + until


class TestLedgers:
    def test_a_file_that_several_share(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "budget.json"
        clock = VirtualTime(START)
        limits = Limits(apart=2.0)
        paces = [
            Pace(clock=clock, sleep=clock.sleep, limits=limits, ledger=SharedLedger(path)) for _ in range(3)
        ]
        for pace in paces:
            pace.enter(write=True)
        assert clock.now() == START + 4

    def test_many_at_once_lose_no_booking(self, tmp_path: Path) -> None:
        path = tmp_path / "budget.json"

        def book() -> None:
            ledger = SharedLedger(path)
            for _ in range(25):
                ledger.book(lambda spent: (spend(spent, START, write=False), None))

        threads = [threading.Thread(target=book) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert SharedLedger(path).book(lambda spent: (spent, len(spent.requests))) == 100

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"requests": [1], "writes": ["x"]}', "\x00" * 50])
    def test_a_broken_file_counts_as_empty(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "budget.json"
        path.write_text(content)
        assert SharedLedger(path).book(lambda spent: (spent, spent)) == Spent()
        assert SharedLedger(path).book(lambda spent: (spend(spent, START, write=True), 1)) == 1
        assert SharedLedger(path).book(lambda spent: (spent, spent.writes)) == (START,)

    def test_an_account_that_became_shorter(self, tmp_path: Path) -> None:
        ledger = SharedLedger(tmp_path / "budget.json")
        for second in range(50):
            ledger.book(lambda spent, at=START + second: (spend(spent, at, write=True), None))  # type: ignore[misc]
        ledger.book(lambda spent: (spend(spent, START + 2 * HOUR, write=True), None))
        assert ledger.book(lambda spent: (spent, spent.writes)) == (START + 2 * HOUR,)

    def test_a_folder_that_cannot_be(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ForgeError, match=r"cannot keep count of requests in .*budget\.json"):
            SharedLedger(tmp_path / "file" / "budget.json").book(lambda spent: (spent, None))

    def test_our_own(self) -> None:
        ledger = OwnLedger()
        ledger.book(lambda spent: (spend(spent, START, write=True), None))
        assert ledger.book(lambda spent: (spent, spent.writes)) == (START,)
