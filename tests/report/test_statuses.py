"""Commit statuses: which state means what, few writes however large the run, nothing left pending."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner import events as e
from runner.model import Job, Queue
from runner.report.grouping import GROUPS, groups
from runner.report.statuses import (
    FAILURES,
    PLAN_CONTEXT,
    StatusText,
    context_of,
    queue_status,
    statuses,
    wanted_minus_published,
)
from runner.state import RunState, apply
from tests.builders import START, Log, failed_log, job, queue
from tests.report.comment_examples import HOSTILE, RUNS, fanned, hostile_runs
from tests.snapshots import assert_snapshot


def written(made: Iterable[StatusText]) -> str:
    return "".join(f"{status.state:<8} {status.context}: {status.description}\n" for status in made)


def of(state: RunState, name: str) -> StatusText:
    return next(s for s in statuses(state) if s.context == f"runner/demo/{name}")


@pytest.mark.parametrize("name", RUNS)
def test_of_each_run(name: str) -> None:
    assert_snapshot(f"statuses/{name}.txt", written(statuses(RUNS[name].state())))


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("succeeded", "success"),
        ("reused", "success"),
        ("failed", "failure"),
        ("timed_out", "failure"),
        ("out_of_memory", "failure"),
        ("cancelled", "error"),
        ("lost", "error"),
    ],
)
def test_state_of_an_outcome(outcome: str, expected: str) -> None:
    state = Log(queue(job("a"))).whole("a", 0.0, outcome=outcome).state()
    assert of(state, "a").state == expected


@pytest.mark.parametrize(
    ("because", "expected"),
    [
        ({"when": "false"}, "success"),
        ({"handler": ""}, "success"),
        ({"job": "b"}, "error"),
        ({"stop": "b"}, "error"),
        ({"cancel": ""}, "error"),
        ({"timeout": ""}, "error"),
        ({"of-the-future": ""}, "error"),
    ],
)
def test_state_of_a_skipped_job(because: dict[str, str], expected: str) -> None:
    assert of(Log(queue(job("a"), job("b"))).skip("a", 0.0, **because).state(), "a").state == expected


def test_what_is_open_is_pending() -> None:
    log = Log(queue(job("a"), job("b"), job("c", retries=1))).start("a", 0.0)
    log.start("c", 0.0).end("c", 1.0, "failed").retrying("c", 1.0, 5.0)
    assert [of(log.state(), name).state for name in "abc"] == ["pending"] * 3
    assert of(log.state(), "c").description == "Waits before its next attempt"


def test_nothing_stays_pending_when_nobody_works_on_it() -> None:
    for name in ("interrupted", "lost"):
        assert "pending" not in {status.state for status in statuses(RUNS[name].state())}


def test_terminal_states_come_first_the_verdict_before_all() -> None:
    found = statuses(failed_log().state())
    assert found[0].context == "runner/demo"
    log = Log(queue(job("a"), job("b"), job("c"), job("d"))).whole("b", 0.0).whole("c", 0.0, outcome="failed")
    log.whole("d", 0.0, outcome="lost")
    contexts = [status.context for status in statuses(log.state())]
    assert contexts == [f"runner/demo{name}" for name in ("/c", "/d", "/b", "", "/a")]


def test_target_and_head() -> None:
    state = failed_log().state()
    assert {status.target for status in statuses(state, target="https://x.test/1")} == {"https://x.test/1"}
    assert queue_status(state) == statuses(state)[0]


def test_limits_hold_and_what_is_cut_stays_apart() -> None:
    ids = ["x" * 300 + str(i) for i in range(2)]
    log = Log(queue(*(job(i) for i in ids), queue_id="q" * 63))
    for name in ids:
        log.whole(name, 0.0, outcome="failed", reason="🎈" * 100 + name[-1])
    found = statuses(log.state())
    assert len({status.context for status in found}) == len({s.description for s in found}) == 3
    for status in found:
        assert len(status.context.encode("utf-16-le")) // 2 <= 255
        assert len(status.description.encode("utf-16-le")) // 2 <= 140


@settings(deadline=None, max_examples=50)
@given(hostile_runs())
def test_one_clean_line_each_whatever_a_job_did(run: tuple[Log, object]) -> None:
    state = run[0].state()
    found = statuses(state)
    assert found == statuses(state)
    assert len({status.context for status in found}) == len(found) == len(state.jobs) + 1
    for status in found:
        assert 0 < len(status.description.encode("utf-16-le")) // 2 <= 140
        assert "\n" not in status.description
        assert status.state in {"success", "failure", "error", "pending"}


class TestGroups:
    def test_a_name_that_was_cut_keeps_its_own_status_too(self) -> None:
        names = [f"{'x' * 300}-{i}" for i in range(50)]
        log = Log(queue(*map(job, names))).whole(names[3], 0.0)
        context = context_of("demo", names[3])
        assert context not in {status.context for status in statuses(log.state())}
        assert context in {status.context for status in statuses(log.state(), published=[context])}

    def test_by_the_name_that_jobs_share(self) -> None:
        made = queue(job("split"), *(job(f"chunk-{i}", "split") for i in range(50)), job("join"), job("7"))
        assert [(group.name, len(group.job_ids)) for group in groups(made)] == [("chunk-*", 50), ("*", 3)]

    def test_by_level_where_names_say_nothing(self) -> None:
        names = [f"{a}{b}" for a in "abcdefghij" for b in "abcdefghij"]
        chain = queue(*(job(name, *names[i - 1 : i]) for i, name in enumerate(names)))
        found = groups(chain)
        assert [group.name for group in found][:2] == ["levels 1-7", "levels 8-14"]
        assert [name for group in found for name in group.job_ids] == names

    def test_one_wide_level(self) -> None:
        wide = queue(job("begin"), *(job("z" + "abcdefghij"[i] * 3, "begin") for i in range(10)))
        assert [group.name for group in groups(wide)] == ["level 1", "level 2"]

    @given(st.lists(st.from_regex(r"[a-c]{0,2}[-._]?[0-9]{0,2}", fullmatch=True), unique=True, max_size=80))
    def test_each_job_is_in_one_and_there_are_few(self, names: list[str]) -> None:
        made = Queue(queue_id="demo", queue_name="demo", jobs=tuple(job(f"{name}x{name}") for name in names))
        found = groups(made)
        assert sorted(i for group in found for i in group.job_ids) == sorted(j.job_id for j in made.jobs)
        assert len(found) <= GROUPS
        assert len({group.name for group in found}) == len(found)

    def test_numbers_for_names(self) -> None:
        assert [g.name for g in groups(queue(job("1"), job("2"), job("0-1"), job("0-2")))] == ["0-9*", "0-*"]

    def test_a_failure_keeps_its_own_status_when_it_is_tried_again(self) -> None:
        log = Log(queue(*(job(f"chunk-{i}") for i in range(50))))
        log.whole("chunk-3", 0.0, outcome="failed")
        before = statuses(log.state())
        assert "runner/demo/chunk-3" in {status.context for status in before}
        log.add(e.JobsReset(at=START + 2, job_ids=("chunk-3",))).whole("chunk-3", 3.0)
        assert "runner/demo/chunk-3" not in {status.context for status in statuses(log.state())}
        again = statuses(log.state(), published=[status.context for status in before])
        assert next(s for s in again if s.context.endswith("-3")).state == "success"


@pytest.mark.slow
class TestWrites:
    def test_only_what_differs_is_written_in_its_order(self) -> None:
        state = failed_log().state()
        wanted = statuses(state, target="https://x.test/2")
        assert wanted_minus_published(wanted, []) == wanted
        assert wanted_minus_published(wanted, statuses(state, target="https://x.test/1")) == []
        assert wanted_minus_published(wanted, wanted[2:]) == wanted[:2]

    def test_what_is_wanted_no_more_is_closed_with_its_queue(self) -> None:
        stale = StatusText(context="runner/demo/gone", state="pending", description="Running")
        other = StatusText(context="runner/other/gone", state="pending", description="Running")
        over = statuses(failed_log().state())
        assert wanted_minus_published(over, [*over, stale, other]) == [
            StatusText(context="runner/demo/gone", state="failure", description="See runner/demo")
        ]
        live = statuses(RUNS["running"].state())
        assert wanted_minus_published(live, [*live, stale]) == []

    @pytest.mark.parametrize("bad", [7, 10_000])
    @pytest.mark.parametrize("kind", ["one fan", "many fans", "one chain"])
    @pytest.mark.parametrize(("count", "every"), [(3_000, 599), (1_000, 13)])
    def test_many_jobs_take_less_than_a_hundred_writes(
        self, count: int, every: int, kind: str, bad: int
    ) -> None:
        made = queue(*_jobs(kind, count), on_failure="continue")
        log = Log(made, max_parallel=20)
        for i, single in enumerate(made.jobs):
            log.whole(single.job_id, 0.1 * i, outcome="failed" if i < bad else "succeeded")
        log.over(5000.0, "failed" if bad else "succeeded")
        published, writes = _publish(RunState.new("run", made), log.events, every=every)
        assert writes < 100
        assert published["runner/demo"].state == ("failure" if bad else "success")
        assert "pending" not in {status.state for status in published.values()}
        assert sum(s.context.startswith("runner/demo/") for s in published.values()) <= GROUPS + FAILURES


def _jobs(kind: str, count: int) -> list[Job]:
    if kind == "one fan":
        return [job(f"chunk-{i}") for i in range(count)]
    if kind == "many fans":
        return [job(f"fan{i % 100}x-{i}") for i in range(count)]
    names = [f"{i}x" for i in range(count)]
    return [job(name, *names[max(0, i - 1) : i]) for i, name in enumerate(names)]


def _publish(state: RunState, log: list[e.Event], *, every: int) -> tuple[dict[str, StatusText], int]:
    """A publisher that looks after every so many events, and at the end."""
    published: dict[str, StatusText] = {}
    writes = 0
    for number, event in enumerate(log, 1):
        apply(state, event)
        if number % every and number < len(log):
            continue
        wanted = statuses(state, published=published)
        for status in wanted_minus_published(wanted, published.values()):
            published[status.context] = status
            writes += 1
    return published, writes


def test_hostile_text_is_text() -> None:
    """A description is no Markdown, but it is one line without invisible characters."""
    for text in HOSTILE:
        state = (
            Log(queue(job("a"))).whole("a", 0.0, outcome="failed", reason=text).over(1.0, "failed").state()
        )
        description = of(state, "a").description
        assert description.isprintable()
        assert len(description) <= 140


class TestPlanIsNoQueue:
    @pytest.mark.parametrize(
        ("queue_id", "context"),
        [
            ("plan", "runner/plan.queue"),
            ("PLAN", "runner/PLAN.queue"),
            ("plan.queue", "runner/plan.queue.queue"),
            ("plans", "runner/plans"),
            ("plan.queues", "runner/plan.queues"),
        ],
    )
    def test_a_queue_of_that_name(self, queue_id: str, context: str) -> None:
        state = Log(queue(job("a"), queue_id=queue_id)).whole("a", 0.0).state()
        assert {status.context for status in statuses(state)} == {context, f"{context}/a"}
        assert PLAN_CONTEXT.casefold() not in {status.context.casefold() for status in statuses(state)}

    @given(st.lists(st.sampled_from(["plan", "Plan", ".queue", "queue", "x", "."]), max_size=4).map("".join))
    def test_two_queues_never_share_a_status(self, queue_id: str) -> None:
        others = ["plan", "plan.queue", "plan.queue.queue", "x"]
        contexts = {context_of(name) for name in {queue_id, *others}}
        assert len(contexts) == len({queue_id, *others})
        assert PLAN_CONTEXT not in contexts


def test_groups_that_are_at_hand_are_not_made_again() -> None:
    state = fanned(60, bad=3, running=2).state()
    assert statuses(state, grouped=groups(state.queue)) == statuses(state)
    assert len(statuses(state, grouped=())) == 4  # the queue and what failed
