"""What is still to be written, as the pure function that it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from runner import events as e
from runner.ports import Comment, Status
from runner.publish.allowance import Allowance
from runner.publish.standing import Life, as_it_stands
from runner.publish.target import Target
from runner.publish.wanted import (
    QUIET,
    Minimize,
    Picture,
    SetStatus,
    Wanted,
    wanted,
)
from runner.report.comment_final import final_marker
from runner.report.comment_live import live_marker
from runner.report.markers import Marker, line
from runner.state import RunPhase, RunState
from tests.builders import START, Log, failed_log, job, queue
from tests.report.comment_examples import RUNS

ME, COMMIT, PULL_HEAD = "our[bot]", "a" * 40, "b" * 40
TARGET = Target(commit=COMMIT, head=PULL_HEAD, pull=7)


def posted(number: int, marker: Marker, *, edited: float = START, **fields: object) -> Comment:
    text = f"{line(marker)}\ntext"
    made = Comment(id=number, pull=7, author=ME, body=text, at=START, edited_at=edited)
    return dataclasses.replace(made, **fields)  # type: ignore[arg-type]


def picture(
    *comments: Comment, statuses: Sequence[Status] = (), head: Sequence[Status] = (), **fields: object
) -> Picture:
    known = {COMMIT: {s.context: s for s in statuses}, PULL_HEAD: {s.context: s for s in head}}
    made = Picture(statuses=known, comments=comments, login=ME)
    return dataclasses.replace(made, **fields)  # type: ignore[arg-type]


def told(found: Wanted) -> list[str]:
    """The writes in words."""
    words = []
    for write in found.writes:
        if isinstance(write, SetStatus):
            where = "head" if write.commit == PULL_HEAD else "commit"
            words.append(f"{where} {write.status.context} {write.status.state}")
        elif isinstance(write, Minimize):
            words.append(f"minimize {write.comment.id}")
        else:
            words.append(f"{'post' if write.comment is None else f'edit {write.comment.id}'} {write.kind}")
    return words


def published(state: RunState) -> tuple[list[Status], list[Status]]:
    """Statuses as they are once all is written."""
    found = wanted(state, picture(comments=None), TARGET, START)
    made = [(w.commit, w.status) for w in found.writes if isinstance(w, SetStatus)]
    as_status = [
        (commit, Status(context=s.context, state=s.state, description=s.description)) for commit, s in made
    ]
    return [s for c, s in as_status if c == COMMIT], [s for c, s in as_status if c == PULL_HEAD]


def test_the_most_urgent_first() -> None:
    log = Log(queue(job("bad"), job("good"), job("open"))).whole("bad", 0.0, outcome="failed")
    log.whole("good", 0.0).start("open", 0.0)
    assert told(wanted(log.state(), picture(), TARGET, START + 2)) == [
        "commit runner/demo/bad failure",
        "commit runner/demo/good success",
        "post live",
        "commit runner/demo pending",
        "head runner/demo pending",
        "commit runner/demo/open pending",
    ]


def test_of_a_run_that_is_over() -> None:
    state = failed_log().state()
    old = posted(1, dataclasses.replace(live_marker(state), generation=5))
    found = told(wanted(state, picture(old), TARGET, START + 9))
    assert found[:2] == ["commit runner/demo failure", "head runner/demo failure"]
    assert found[-2:] == ["post final", "edit 1 live"]
    assert len(found) == 11
    said = posted(1, live_marker(state)), posted(2, final_marker(state))
    statuses, head = published(state)
    shown = picture(*said, statuses=statuses, head=head)
    assert told(wanted(state, shown, TARGET, START + 9)) == ["minimize 1"]
    folded = picture(dataclasses.replace(said[0], minimized=True), said[1], statuses=statuses, head=head)
    assert wanted(state, folded, TARGET, START + 9) == Wanted()


def test_what_is_not_known_is_not_written() -> None:
    state = failed_log().state()
    assert wanted(state, Picture(), TARGET, START) == Wanted()
    only_head = Picture(statuses={PULL_HEAD: {}})
    assert told(wanted(state, only_head, TARGET, START)) == ["head runner/demo failure"]


@pytest.mark.parametrize("name", RUNS)
def test_once_all_is_written_nothing_is_wanted(name: str) -> None:
    state = RUNS[name].state()
    statuses, head = published(state)
    live, final = posted(1, live_marker(state)), posted(2, final_marker(state))
    live = dataclasses.replace(live, minimized=state.phase is RunPhase.FINISHED)
    shown = picture(live, *([final] if state.phase in {RunPhase.FINISHED, RunPhase.INTERRUPTED} else []))
    shown = dataclasses.replace(
        shown,
        statuses={COMMIT: {s.context: s for s in statuses}, PULL_HEAD: {s.context: s for s in head}},
    )
    assert wanted(state, shown, TARGET, START).writes == ()


class TestLive:
    @pytest.mark.parametrize(
        ("elapsed", "expected"), [(1.0, 15.0), (300.0, 15.0), (600.0, 30.0), (36_000.0, 1800.0)]
    )
    def test_edits_become_rarer(self, elapsed: float, expected: float) -> None:
        log = Log(queue(job("a"))).start("a", 0.0).add(e.Heartbeat(at=START + elapsed))
        state, edited = log.state(), START + elapsed - 0.5
        old = posted(1, Marker(kind="live", subject="demo", generation=5), edited=edited)
        shown = picture(old, statuses=published(state)[0], head=published(state)[1])
        found = wanted(state, shown, TARGET, START + elapsed)
        assert found.writes == ()
        assert found.later == pytest.approx(edited + expected, abs=0.2)
        assert told(wanted(state, shown, TARGET, edited + expected * 1.1)) == ["edit 1 live"]

    def test_silence_is_told_too(self) -> None:
        state = Log(queue(job("a"))).start("a", 0.0).state()
        statuses, head = published(state)
        shown = picture(posted(1, live_marker(state)), statuses=statuses, head=head)
        assert wanted(state, shown, TARGET, START + QUIET - 1) == Wanted(later=START + QUIET)
        assert told(wanted(state, shown, TARGET, START + QUIET)) == ["edit 1 live"]

    def test_the_same_is_written_from_ten_comments_or_one(self) -> None:
        state = Log(queue(job("a"))).start("a", 0.0).state()
        marker = dataclasses.replace(live_marker(state), generation=5)
        three = [posted(n, marker, minimized=n == 1) for n in (1, 2, 3)]
        found = told(wanted(state, picture(*three), TARGET, START + 60))
        assert found[:2] == ["edit 2 live", "minimize 3"]

    def test_one_that_is_minimized_was_of_an_earlier_run(self) -> None:
        state = Log(queue(job("a"))).start("a", 0.0).state()
        old = posted(1, Marker(kind="live", subject="demo", generation=5), minimized=True)
        assert told(wanted(state, picture(old), TARGET, START))[0] == "post live"
        over = failed_log().state()
        assert "edit 1 live" not in told(wanted(over, picture(old), TARGET, START))


class TestWhatIsNewer:
    def test_more_of_this_run_than_we_have_read(self) -> None:
        state = failed_log().state()
        newer = dataclasses.replace(final_marker(state), generation=final_marker(state).generation + 1)
        assert wanted(state, picture(posted(1, newer)), TARGET, START) == Wanted()

    def test_a_newer_run_of_the_queue_keeps_its_statuses(self) -> None:
        state = failed_log().state()
        newer = dataclasses.replace(live_marker(state), generation=live_marker(state).generation + 1)
        assert told(wanted(state, picture(posted(1, newer)), TARGET, START)) == ["post final"]

    def test_a_spoofed_generation_is_nothing(self) -> None:
        state = failed_log().state()
        newer = dataclasses.replace(final_marker(state), generation=2**62)
        eve = posted(1, newer, author="eve")
        assert "post final" in told(wanted(state, picture(eve), TARGET, START))

    def test_a_duplicate_that_is_newer_does_not_hide_that_the_kept_one_is_old(self) -> None:
        state = failed_log().state()
        kept = posted(1, dataclasses.replace(final_marker(state), generation=5))
        folded = posted(2, final_marker(state), minimized=True)
        assert "edit 1 final" in told(wanted(state, picture(kept, folded), TARGET, START))

    def test_a_verdict_is_not_taken_back_by_what_is_older(self) -> None:
        state = Log(queue(job("a"))).start("a", 0.0).state()
        verdict = Status(context="runner/demo/a", state="success", at=START + 5.0)
        assert "commit runner/demo/a pending" not in told(
            wanted(state, picture(statuses=[verdict]), TARGET, START)
        )
        retried = Log(queue(job("a"))).start("a", 10.0).state()
        assert "commit runner/demo/a pending" in told(
            wanted(retried, picture(statuses=[verdict]), TARGET, START + 10)
        )


class TestAsItStands:
    def test_a_run_whose_process_died_is_interrupted_and_newer_than_its_log(self) -> None:
        state = Log(queue(job("a"))).start("a", 2.5).state()
        shown = as_it_stands(state, Life(died=True))
        assert shown.phase is RunPhase.INTERRUPTED
        assert live_marker(shown).generation == live_marker(state).generation + 1
        assert shown.elapsed(START + 1000) == 2.5
        assert state.phase is RunPhase.LIVE, "the fold is nobody's to change"

    @pytest.mark.parametrize("name", ["succeeded", "interrupted", "failed"])
    def test_what_is_over_cannot_die(self, name: str) -> None:
        state = RUNS[name].state()
        assert as_it_stands(state, Life(died=True)) is state

    @pytest.mark.parametrize("micros", range(0, 1_000_000, 99_991))
    def test_one_microsecond_survives_the_numbers(self, micros: int) -> None:
        state = Log(queue(job("a"))).start("a", micros / 1e6).state()
        shown = as_it_stands(state, Life(died=True))
        assert live_marker(shown).generation == live_marker(state).generation + 1


def test_allowance_is_a_burst_and_then_one_by_one() -> None:
    allowance = Allowance(burst=3, each=10.0)
    gone = []
    now = START
    for _ in range(6):
        now = max(now, allowance.next)
        gone.append(now - START)
        allowance.take(now)
    assert gone == [0.0, 0.0, 0.0, 10.0, 20.0, 30.0]
    assert allowance.next - START == 40.0
    assert allowance.next < START + 1000  # it fills up again
