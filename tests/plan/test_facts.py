"""Levels, critical path, and a bound on time that really is one."""

from __future__ import annotations

import heapq
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner import rules
from runner.graph import Graph
from runner.model import Job, Queue, Retry, Strategy
from runner.plan import analyse
from runner.plan.bound import load_of, slots_never_bind, width
from runner.plan.waits import waits_of
from runner.plan.words import attempts_text
from tests.builders import job, many, queue
from tests.measuring import at_most
from tests.plan_examples import HOUR, MINUTE, cleanup_pipeline, complex_pipeline, fan


def retry(count: int, **fields: object) -> Retry:
    return Retry(count=count, **fields)  # type: ignore[arg-type]


def test_levels_are_the_longest_way_from_a_beginning() -> None:
    assert analyse(complex_pipeline()).levels == (
        ("download-data",),
        ("preprocess-train", "preprocess-val", "preprocess-test"),
        ("train-model",),
        ("evaluate",),
        ("export-onnx",),
        ("upload-artifacts",),
    )


def test_a_handler_comes_after_the_jobs_that_name_it() -> None:
    facts = analyse(cleanup_pipeline())
    assert facts.levels[-1] == ("report",)
    assert {about.job_id: about.level for about in facts.jobs}["report"] == len(facts.levels)


def test_the_critical_path_goes_by_time_where_every_job_has_a_timeout() -> None:
    facts = analyse(complex_pipeline())
    assert facts.critical_path == (
        "download-data",
        "preprocess-train",
        "train-model",
        "evaluate",
        "export-onnx",
        "upload-artifacts",
    )
    graces = (6 + 1 + 1 + 1 + 1 + 6) * 10
    assert (
        facts.critical_seconds
        == 6 * 30 * MINUTE + 31 + HOUR * 10 + 30 * MINUTE + 6 * 15 * MINUTE + 31 + graces
    )


def test_the_critical_path_goes_by_jobs_where_a_timeout_is_missing() -> None:
    facts = analyse(queue(job("long", timeout=HOUR), job("a"), job("b", "a"), job("c", "b")))
    assert facts.critical_path == ("a", "b", "c")
    assert facts.critical_seconds is None


def test_no_bound_without_timeouts_and_a_warning_that_says_so() -> None:
    facts = analyse(fan(3))
    assert facts.bound.seconds is None
    assert facts.bound.unbounded == ("split", "chunk-0", "chunk-1", "chunk-2", "join")
    assert facts.warnings == (
        (
            "Nothing bounds the time of this run: split, chunk-0, chunk-1 and 2 more are without a timeout, "
            "and the queue has none."
        ),
    )


def test_a_chain_takes_its_sum_whatever_the_number_of_slots() -> None:
    chain = queue(job("a", timeout=10.0), job("b", "a", timeout=20.0), job("c", "b", timeout=30.0))
    for slots in (1, 2, 8):
        assert analyse(chain, slots=slots).bound.seconds == 10 + 20 + 30 + 3 * 10


@pytest.mark.parametrize(("slots", "seconds"), [(1, 400.0), (2, 200.0 + 50.0), (4, 100.0), (99, 100.0)])
def test_slots_divide_the_work_of_independent_jobs(slots: int, seconds: float) -> None:
    made = queue(*(job(f"j{i}", timeout=90.0) for i in range(4)))
    assert analyse(made, slots=slots).bound.seconds == seconds


def test_the_queue_says_how_many_run_at_a_time_before_the_machine_does() -> None:
    made = queue(*(job(f"j{i}", timeout=90.0) for i in range(4)), max_parallel=1)
    assert analyse(made, slots=4).bound.slots == 1
    assert analyse(made, slots=4).bound.seconds == 400.0


def test_without_a_number_of_slots_the_bound_holds_for_any() -> None:
    made = queue(*(job(f"j{i}", timeout=90.0) for i in range(4)))
    assert analyse(made).bound.seconds == 400.0


def test_a_waiting_retry_holds_no_slot() -> None:
    made = queue(
        replace(job("flaky", timeout=10.0), retry=retry(1, strategy=Strategy.FIXED, delay=100.0)),
        job("other", timeout=10.0),
    )
    # One slot: all the work (3 × 20 s), and while nothing runs at most the one wait.
    assert analyse(made, slots=1).bound.seconds == 3 * 20 + 100


def test_the_timeout_of_the_queue_bounds_too() -> None:
    made = replace(fan(3), timeout=60.0)
    assert analyse(made).bound.seconds == 60 + 10
    assert analyse(made).bound.by == "queue"


@pytest.mark.parametrize(("own", "seconds"), [(30.0, 30 + 10), (3600.0, 11 * MINUTE + 2 * 10)])
def test_cleaning_up_comes_on_top_of_the_timeout_of_the_queue(own: float, seconds: float) -> None:
    made = replace(cleanup_pipeline(), timeout=60.0, cleanup_timeout=own)
    bound = analyse(made).bound
    assert (bound.seconds, bound.by) == (60 + 10 + seconds, "queue")


def test_the_smaller_bound_wins() -> None:
    made = queue(job("a", timeout=10.0), timeout=1000.0)
    assert (analyse(made).bound.seconds, analyse(made).bound.by) == (20.0, "jobs")


def test_a_timeout_that_cuts_the_critical_path_is_a_warning() -> None:
    made = queue(job("a", timeout=HOUR), job("b", "a", timeout=HOUR), timeout=HOUR)
    assert analyse(made).warnings == (
        (
            "The queue's timeout (1h) can end the run before its jobs have used theirs: "
            "one after the other they may take 2h without any retry."
        ),
    )


def test_a_timeout_below_all_retries_or_cleanup_is_no_warning() -> None:
    made = queue(
        job("a", timeout=HOUR, retries=3), job("b", "a", timeout=HOUR, always_run=True), timeout=HOUR
    )
    assert analyse(made).warnings == ()


def test_what_this_version_does_not_do_is_a_warning() -> None:
    made = queue(job("a", timeout=1.0), unsupported=("No notify yet.",), refused=("No matrix yet.",))
    assert analyse(made).warnings == ("No matrix yet.", "No notify yet.")


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (retry(0), "1 attempt"),
        (retry(5), "6 attempts, waits 1s 2s 4s 8s 16s"),
        (retry(10, strategy=Strategy.FIXED, delay=30.0), "11 attempts, waits 30s × 10"),
        (retry(1), "2 attempts, waits 1s"),
        (retry(12), "13 attempts, waits 1s 2s 4s 8s 16s 32s 1m4s … 5m × 3"),
        (retry(3, strategy=Strategy.EXPONENTIAL_JITTER), "4 attempts, waits ~1s ~2s ~4s"),
        (retry(2, delay=600.0), "3 attempts, waits 5m × 2"),
        (retry(3, delay=0.0), "4 attempts, waits 0s × 3"),
        (retry(1_000_000_000), "1,000,000,001 attempts, waits 1s 2s 4s 8s 16s 32s 1m4s … 5m × 999999991"),
    ],
)
def test_attempts_in_words(made: Retry, text: str) -> None:
    assert attempts_text(made) == text


@given(
    count=st.integers(0, 40),
    strategy=st.sampled_from(Strategy),
    delay=st.floats(0, 1000),
    max_delay=st.floats(0, 1000),
    jitter=st.floats(0, 1),
    key=st.text(max_size=3),
)
def test_the_waits_are_those_of_the_scheduler(
    count: int, strategy: Strategy, delay: float, max_delay: float, jitter: float, key: str
) -> None:
    made = Retry(count=count, strategy=strategy, delay=delay, max_delay=max_delay, jitter=jitter)
    said = [wait for wait in waits_of(made) for _ in range(wait.times)]
    assert len(said) == count
    for nth, wait in enumerate(said, 1):
        really = rules.delay(made, nth, key)
        assert wait.seconds * (1 - wait.jitter) - 1e-6 <= really <= wait.most + 1e-6


@st.composite
def tight(draw: st.DrawFn) -> Queue:
    """Few slots, durations of one size: here a schedule comes near the bound, and a wrong bound is caught."""
    count = draw(st.integers(1, 6))
    jobs = []
    for number in range(count):
        parents = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set()
        again = Retry(
            count=draw(st.integers(0, 2)), strategy=Strategy.FIXED, delay=draw(st.sampled_from((0.0, 5.0)))
        )
        made = job(f"j{number}", *(f"j{parent}" for parent in sorted(parents)), kill_grace=0.0)
        jobs.append(replace(made, timeout=draw(st.sampled_from((1.0, 2.0, 4.0))), retry=again))
    return queue(*jobs, max_parallel=draw(st.integers(1, 3)))


@settings(max_examples=300)
@given(made=tight(), seed=st.integers(0, 2**32))
def test_no_schedule_takes_longer_than_the_bound(made: Queue, seed: int) -> None:
    bound = analyse(made).bound
    assert bound.seconds is not None
    assert _scheduled(made, bound.slots, random.Random(seed)) <= bound.seconds + 1e-6


def _scheduled(made: Queue, slots: int, chance: random.Random) -> float:
    """The time of one run in which ready jobs start in any order, take what they take, and retry or not."""
    graph = Graph.of(made)
    unmet = [len(row) for row in graph.waits_for]
    ready = [i for i, count in enumerate(unmet) if count == 0]
    attempts = [0] * len(unmet)
    events: list[tuple[float, int, str]] = []
    now, running = 0.0, 0
    while ready or events:
        while ready and running < slots:
            i = ready.pop(chance.randrange(len(ready)))
            running += 1
            attempts[i] += 1
            heapq.heappush(events, (now + _attempt(made.jobs[i], chance), i, "ended"))
        now, i, what = heapq.heappop(events)
        if what == "waited":
            ready.append(i)
            continue
        running -= 1
        if attempts[i] <= made.jobs[i].retry.count and chance.random() < 0.95:
            wait = rules.delay(made.jobs[i].retry, attempts[i], str(chance.random()))
            heapq.heappush(events, (now + wait, i, "waited"))
            continue
        for child in graph.released[i]:
            unmet[child] -= 1
            if unmet[child] == 0:
                ready.append(child)
    return now


def _attempt(made: Job, chance: random.Random) -> float:
    longest = (made.timeout or 0.0) + made.kill_grace
    return longest if chance.random() < 0.9 else longest * chance.random()


def test_a_load_counts_every_attempt_its_kill_and_the_waits() -> None:
    load = load_of(job("a", timeout=100.0, kill_grace=5.0, retries=2))
    assert load is not None
    assert (load.work, load.waits, load.longest) == (315.0, 3.0, 318.0)


@pytest.mark.parametrize(
    ("made", "widest"), [(fan(5), 5), (complex_pipeline(), 3), (many(7), 7), (fan(1), 1)]
)
def test_the_width_is_the_most_jobs_that_can_be_ready_together(made: Queue, widest: int) -> None:
    assert width(Graph.of(made)) == widest
    assert slots_never_bind(Graph.of(made), widest)
    assert not slots_never_bind(Graph.of(made), widest - 1)


def test_ten_thousand_jobs_are_analysed_quickly() -> None:
    chained = queue(*(job(f"j{i}", *([f"j{i - 1}"] if i % 100 else []), timeout=60.0) for i in range(10_000)))
    with at_most(yards=100):
        facts = analyse(chained, slots=4)
    assert len(facts.levels) == 100
