"""Runs in a bucket are followed as those in a directory are."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import events as e
from runner.errors import StoreBusyError
from runner.gitops.run.requests import Requests
from runner.publish.asking import at_once, in_background
from runner.report import markers
from runner.report.links import Links
from tests.builders import RUN_ID, START, Log, failed_log, job, queue
from tests.publish.far_runs import (
    PLACE,
    Board,
    Far,
    Slow,
    follow_far,
    later,
    slow,
)
from tests.publish.publishing import TARGET, Playing, clock_at_start, followed
from tests.virtual_time import VirtualTime

pytestmark = pytest.mark.slow


def test_a_run_is_shown_the_same_wherever_it_is(board: Board, clock: VirtualTime, tmp_path: Path) -> None:
    (result,) = follow_far(Far(failed_log(), clock), board)
    assert (result.run_id, result.outcome, result.published) == (RUN_ID, "failed", True)
    here = Board(tmp_path / "here", clock_at_start())
    followed(Playing(failed_log(), here.clock, tmp_path / "run"), here)  # type: ignore[arg-type]
    statuses, (_, final) = board.shown()  # type: ignore[misc]
    assert (statuses, final) == (here.shown()[0], here.shown()[1][1])  # type: ignore[index]
    assert board.kinds() == ["(live)", "final"]


def test_what_jobs_left_is_in_the_report(board: Board, clock: VirtualTime) -> None:
    log = Log(queue(job("a", result_files=("x",)))).start("a", 0.5)
    log.end("a", 1.0, "failed", summary=True, results=True)
    log.add(
        e.ResultsStored(at=START + 1.0, job_id="a", attempt=1, files=1, bytes=3),
        e.JobFinished(at=START + 1.0, job_id="a", outcome="failed"),
    )
    run = Far(log.over(1.0, "failed"), clock)
    target = dataclasses.replace(TARGET, links=Links(report=TARGET.links.report, bucket=PLACE + RUN_ID))
    run.target = target
    run.bucket.put("jobs/a/1/stderr.log", b"first\nno such table\n")
    run.bucket.put("jobs/a/1/summary.md", b"**9 words**")
    manifest = b'{"files": [{"path": "x", "size": 3, "sha256": "%s"}]}' % (b"a" * 64)
    run.bucket.put("jobs/a/1/results/manifest.json", manifest)
    follow_far(run, board)
    assert "no such table" in board.final()
    assert "**9 words**" in board.final()
    assert f"Result files: 1, 3 B: `runner results {PLACE}{RUN_ID} -o DIR`" in board.final()


class TestPace:
    @pytest.mark.slow
    def test_a_bucket_is_asked_at_its_own_pace(self, board: Board, clock: VirtualTime) -> None:
        log = Log(queue(job("a"))).whole("a", 1.0, 599.0).over(600.0)
        run = Far(log, clock)
        (result,) = follow_far(run, board)
        assert result.published
        gets = [name for what, name in run.bucket.asked if what == "get"]
        assert 300 <= len(gets) <= 300 + 20
        gaps = [b - a for a, b in zip(run.asked, run.asked[1:], strict=False)]
        assert 18 <= len(run.asked) <= 23
        assert min(gaps[:-1]) >= 30.0

    def test_an_end_is_seen_at_once(self, board: Board, clock: VirtualTime) -> None:
        """Whether somebody lives is asked each half minute, and when the log says that it is over."""
        run = Far(Log(queue(job("a"))).whole("a", 1.0, 30.5).over(31.5), clock)
        (result,) = follow_far(run, board)
        assert result.published
        assert clock.now() - START < 40.0

    def test_an_answer_that_takes_long_holds_up_nobody_else(
        self, board: Board, clock: VirtualTime, tmp_path: Path
    ) -> None:
        log = Log(queue(job("a"), queue_id="near")).whole("a", 1.0, 2.0).over(3.0)
        near = Playing(log, clock, tmp_path / "near", run_id=RUN_ID.replace("demo", "near"))
        runs = [Far(failed_log(), clock), near]
        far, here = follow_far(runs, board, ask=slow(clock, 20.0))
        assert far.published
        assert here.published
        ends = [
            at for at, _, status in board.set if (status.context, status.state) == ("runner/near", "success")
        ]
        assert max(ends) < 3.0 + 5.0

    def test_one_question_at_a_time(self, board: Board, clock: VirtualTime) -> None:
        asked: dict[object, list[Slow]] = {}

        def ask(question: Callable[[], object]) -> Slow:
            kind = asked.setdefault(getattr(question, "func", question), [])
            assert all(one.asked for one in kind), "a second one before the answer to the first"
            kind.append(Slow(question, clock, clock.now() + 3.0))
            return kind[-1]

        assert follow_far(Far(failed_log(), clock), board, ask=ask)[0].published
        assert max(map(len, asked.values())) >= 2

    def test_it_works_with_threads(self, board: Board, clock: VirtualTime) -> None:
        (result,) = follow_far(Far(failed_log(), clock).all_at_once(), board, ask=in_background)
        assert result.published

    def test_an_error_of_a_thread_comes_out(self) -> None:
        def wrong() -> None:
            raise KeyError("x")

        for ask in (at_once, in_background):
            with pytest.raises(KeyError):
                ask(wrong).result(timeout=10)


class TestWaiting:
    def booting(self, clock: VirtualTime, seconds: float = 300.0) -> Far:
        run = Far(later(failed_log(), seconds), clock)
        run.waits = lambda: "" if run.written else f"i-0abc is booting, {clock.now() - START:.0f} s"
        return run

    @pytest.mark.slow
    def test_it_is_said_once_in_statuses_and_now_and_then_in_the_comment(
        self, board: Board, clock: VirtualTime
    ) -> None:
        run = self.booting(clock)
        follow_far(run, board, until=START + 290.0)
        assert board.words() == ["pending: Waiting for its machine: i-0abc is booting"]
        assert len(board.set) == 7 + 2
        assert 4 <= len(board.said) <= 6
        assert "- Waits for its machine: `i-0abc is booting, 2" in board.said[-1][1]
        assert "Asked for 2026-11-22 18:04:05 UTC" in board.said[-1][1]
        assert board.kinds() == ["live"]

    @pytest.mark.slow
    def test_then_it_runs(self, board: Board, clock: VirtualTime, tmp_path: Path) -> None:
        (result,) = follow_far(self.booting(clock), board)
        assert result.published
        assert board.words()[-1] == "failure: Failed after 8.5s: 2 succeeded, 2 failed, 3 skipped"
        assert board.kinds() == ["(live)", "final"]
        assert len(board.words()) <= 4

    def test_without_words_it_waits_all_the_same(self, board: Board, clock: VirtualTime) -> None:
        run = self.booting(clock)
        run.waits = lambda: ""
        follow_far(run, board, until=START + 100.0)
        assert board.words() == ["pending: Waiting for its machine: it has said nothing yet"]

    def test_an_earlier_run_of_the_queue_is_no_longer_what_is_shown(
        self, board: Board, clock: VirtualTime, tmp_path: Path
    ) -> None:
        before = Playing(failed_log(), clock, tmp_path / "run", run_id=RUN_ID.replace("abc", "aaa"))
        followed(before, board)  # type: ignore[arg-type]
        clock.sleep(60.0)
        run = Far(later(failed_log(), 300.0), clock)
        follow_far(run, board, until=clock.now() + 30.0)
        assert board.words()[-1].startswith("pending: Waiting for its machine")
        assert board.kinds() == ["(live)", "final", "live"]

    @pytest.mark.slow
    def test_a_machine_whose_clock_goes_behind(self, board: Board, clock: VirtualTime) -> None:
        """Its events are older than what was said while it booted."""
        run = self.booting(clock, 120.0)
        events = list(run.log.events)
        run.log.events = [dataclasses.replace(event, at=event.at - 600.0) for event in events]
        when, run.play = {n: event.at for n, event in enumerate(events)}, lambda: None

        def play(_what: str, _name: str) -> None:
            end = sum(at <= clock.now() for at in when.values())
            if end > run.written:
                run.append(run.log.events[run.written : end])

        run.bucket.before[:] = [play]
        (result,) = follow_far(run, board)
        assert result.published
        assert any(words.startswith("pending: Running") for words in board.words())
        assert board.words()[-1].startswith("failure: Failed")
        assert board.kinds() == ["(live)", "final"]
        assert "waits for" not in board.forge.comments(7)[0].body

    @pytest.mark.slow
    def test_a_machine_that_never_came(self, board: Board, clock: VirtualTime) -> None:
        log = Log(queue(job("a"), job("b", "a")), started=False)
        log.events.clear()
        why = "machine i-0abc did not start its agent: curl could not reach S3; no other one is tried"
        log.add(e.InstanceLost(at=START + 400.0, instance_id="i-0abc", reason=why))
        for name in ("a", "b"):
            reason = f"it never ran: {why}"
            log.add(e.JobFinished(at=START + 400.0, job_id=name, outcome="lost", reason=reason))
        run = Far(log.over(400.0, "lost"), clock, waits=lambda: "i-0abc is booting")
        (result,) = follow_far(run, board)
        assert result.published
        assert board.words()[-1].startswith("error: Lost: machine i-0abc did not start its agent: ")
        assert "No machine works on it any more. `i-0abc`: `machine i-0abc did not start" in board.final()
        assert board.words("runner/demo/b")[-1].startswith("error: Lost: it never ran: machine i-0abc")


class TestCancelling:
    def asked(self, board: Board) -> None:
        """A reply of ours that hands a cancellation to workflow run 31."""
        request = markers.Request(do="cancel", run=RUN_ID, on=31, jobs=("build",))
        marker = markers.Marker(kind="reply", subject="4711", generation=1, request=request)
        board.forge.add_comment(7, f"{markers.line(marker)}\nIt is cancelled")

    def test_it_counts_once_also_in_a_bucket(self, board: Board, clock: VirtualTime) -> None:
        run, state = Far(failed_log(), clock), Log(failed_log().queue).state()
        self.asked(board)
        for looking in (Requests(31), Requests(31)):
            given = looking.poll(board.forge, 7, run.source(), state, clock.now())
            assert [one.name for one in given] == ["comment-4711"]
        laid = {name: found.body for name, found in run.bucket.held.items() if name.startswith("requests/")}
        assert list(laid) == ["requests/comment-4711.json"]
        assert json.loads(laid["requests/comment-4711.json"])["job_ids"] == ["build"]

    def test_what_cannot_be_laid_down_is_laid_down_later(self, board: Board, clock: VirtualTime) -> None:
        run, state, looking = Far(failed_log(), clock), Log(failed_log().queue).state(), Requests(31)
        self.asked(board)
        down = True

        def busy(what: str, _name: str) -> None:
            if what == "put" and down:
                raise StoreBusyError("cannot write it: S3 asks for patience")

        run.bucket.before.append(busy)
        assert looking.poll(board.forge, 7, run.source(), state, clock.now()) == []
        assert looking.trouble == "cannot write it: S3 asks for patience"
        down = False
        clock.sleep(60.0)
        assert len(looking.poll(board.forge, 7, run.source(), state, clock.now())) == 1


class TestHandingOver:
    @pytest.mark.parametrize(
        "after", [5.5, *(pytest.param(seconds, marks=pytest.mark.slow) for seconds in (0.5, 3.0, 8.2))]
    )
    def test_another_goes_on(self, board: Board, clock: VirtualTime, tmp_path: Path, after: float) -> None:
        run = Far(failed_log(), clock)
        (first,) = follow_far(run, board, until=START + after)
        assert (first.published, first.handed_over) == (False, True)
        (second,) = follow_far(run, board, until=START + 3600)
        assert (second.published, second.handed_over) == (True, False)
        assert board.kinds() == ["(live)", "final"]
        assert len({(c, s) for _, c, s in board.set}) == len(board.set), "a status was written twice"

    @pytest.mark.slow
    def test_what_is_published_is_handed_to_nobody(
        self, board: Board, clock: VirtualTime, tmp_path: Path
    ) -> None:
        """Of two, one is over."""
        log = Log(queue(job("a"), queue_id="slow")).whole("a", 1.0, 500.0).over(501.0)
        lasting = Far(log, clock, run_id=RUN_ID.replace("demo", "slow"))
        done, open_ = follow_far([Far(failed_log(), clock), lasting], board, until=START + 100.0)
        assert (done.published, done.handed_over) == (True, False)
        assert (open_.published, open_.handed_over) == (False, True)
