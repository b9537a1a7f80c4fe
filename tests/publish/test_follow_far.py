"""Runs in a bucket are followed as those in a directory are, whatever the store or their machines do."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import events as e
from runner.errors import CloudError, StoreBusyError, StoreError
from runner.gitops.run.requests import Requests
from runner.ports import Comment, Status
from runner.publish.asking import at_once, in_background
from runner.publish.publisher import Publisher
from runner.publish.settle import settle
from runner.report import markers
from runner.report.links import Links
from tests.builders import RUN_ID, START, Log, failed_log, job, queue
from tests.forge_worlds import HEAD, MERGE, InFiles
from tests.publish.far_runs import PLACE, Far, Slow, follow_far, slow
from tests.publish.publishing import TARGET, Playing, clock_at_start, followed
from tests.virtual_time import VirtualTime

pytestmark = pytest.mark.slow

SPAN = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")
"""Code, which is no markdown."""


class Board:
    """The forge that keeps files, and all that is written there with its time."""

    def __init__(self, folder: Path, clock: VirtualTime) -> None:
        self.forge, self.clock = InFiles(folder / "forge", clock).forge, clock
        self.set: list[tuple[float, str, Status]] = []
        self.said: list[tuple[float, str]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.forge, name)

    def set_status(self, commit: str, status: Status) -> None:
        self.set.append((self.clock.now() - START, commit, status))
        self.forge.set_status(commit, status)

    def add_comment(self, pull: int, body: str) -> Comment:
        self.said.append((self.clock.now() - START, body))
        return self.forge.add_comment(pull, body)

    def edit_comment(self, comment: Comment, body: str) -> None:
        self.said.append((self.clock.now() - START, body))
        self.forge.edit_comment(comment, body)

    def words(self, context: str = "runner/demo") -> list[str]:
        """What the status said, one after the other."""
        return [f"{s.state}: {s.description}" for _, c, s in self.set if (c, s.context) == (MERGE, context)]

    def shown(self) -> object:
        """Everything as it is in the end."""
        statuses = {
            c: {(s.context, s.state, s.description) for s in self.forge.statuses(c)} for c in (MERGE, HEAD)
        }
        return statuses, [(c.minimized, c.body) for c in self.forge.comments(7)]

    def kinds(self) -> list[str]:
        """Of the comments, those that are folded in parentheses."""
        found = [(c.body.split()[1].removeprefix("runner:"), c.minimized) for c in self.forge.comments(7)]
        return [f"({kind})" if folded else kind for kind, folded in found]

    def final(self) -> str:
        return next(c.body for c in self.forge.comments(7) if "runner:final" in c.body and not c.minimized)


@pytest.fixture
def clock() -> VirtualTime:
    return clock_at_start()


@pytest.fixture
def board(tmp_path: Path, clock: VirtualTime) -> Board:
    return Board(tmp_path, clock)


def later(log: Log, seconds: float) -> Log:
    """The same, once its machine has booted."""
    log.events = [dataclasses.replace(event, at=event.at + seconds) for event in log.events]
    return log


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


def interrupted() -> Log:
    """Its machine is taken back after a job, in the middle of another."""
    log = Log(queue(job("a"), job("b", "a")))
    log.events.insert(1, launched("i-0first", 0.0))
    log.whole("a", 1.0, 9.0).start("b", 10.5)
    log.end("b", 40.0, "lost", interrupted=True, exit_code=None)
    return log.add(e.RunInterrupted(at=START + 41.0, reason="EC2 takes the machine back"))


def launched(name: str, at: float) -> e.InstanceLaunched:
    return e.InstanceLaunched(
        at=START + at, instance_id=name, machine_type="m7i.large", zone="eu-west-1a", spot=True
    )


def going_on(log: Log, at: float) -> Log:
    """On another machine."""
    lost = e.InstanceLost(at=START + at, instance_id="i-0first", reason="EC2 took its spot machine back")
    log.add(lost, launched("i-0second", at), e.RunResumed(at=START + at, max_parallel=4))
    log.add(e.JobRetrying(at=START + at, job_id="b", attempt=1, delay=0.0, free=True))
    return log.whole("b", at + 1.0, 5.0).over(at + 7.0)


class TestMachines:
    def test_one_is_taken_back_and_another_goes_on(self, board: Board, clock: VirtualTime) -> None:
        run = Far(going_on(interrupted(), 200.0), clock)
        run.waits = lambda: "i-0second is booting, 3 s" if START + 45 < clock.now() < START + 200 else ""
        (result,) = follow_far(run, board)
        assert result.published
        assert not [body for _, body in board.said if "was interrupted" in body]
        assert "pending: Waiting for another machine: i-0second is booting" in board.words()
        assert not [words for words in board.words() if words.startswith("error")]
        live = [body for _, body in board.said if "waits for another machine" in body]
        assert 1 <= len(live) <= 4
        assert "- 41s so far. Waits for another machine: `i-0second is booting, 3 s`" in live[-1]
        went_on = "It went on with `i-0second` after `i-0first` was lost: `EC2 took its spot machine back`"
        assert went_on in board.final()
        assert "- Machine `i-0first` (`m7i.large`, spot, `eu-west-1a`)" in board.final()
        assert "- Machine `i-0second` (" in board.final()
        assert board.kinds() == ["(live)", "final"]

    def test_one_that_fell_silent(self, board: Board, clock: VirtualTime) -> None:
        log = interrupted()
        log.events = log.events[:-2]
        run = Far(going_on(log, 400.0), clock)
        run.log.events.insert(-8, run.log.events.pop(-8))
        run.waits = lambda: "i-0second is booting" if START + 250 < clock.now() < START + 400 else ""
        lost = e.AttemptFinished(at=START + 400.0, job_id="b", attempt=1, outcome="lost", interrupted=True)
        at = next(n for n, event in enumerate(log.events) if event.type == "job_retrying")
        log.events.insert(at, lost)
        (result,) = follow_far(run, board)
        assert result.published
        assert "pending: Waiting for another machine: i-0second is booting" in board.words()
        assert board.words()[-1].startswith("success: Succeeded")

    def test_the_log_says_why_another_one_came(self, board: Board, clock: VirtualTime) -> None:
        """Nobody could write into the log what became of the first."""
        log = Log(queue(job("a")))
        why = "machine i-0first did not start its agent: curl could not reach S3"
        log.events.insert(1, dataclasses.replace(launched("i-0second", 0.0), because=why))
        follow_far(Far(log.whole("a", 1.0, 9.0).over(10.0), clock), board)
        said = f"It runs on `i-0second` and not on the first one that was asked for: `{why}`"
        assert said in board.final()

    @pytest.mark.slow
    def test_no_other_machine_comes(self, board: Board, clock: VirtualTime) -> None:
        run = Far(interrupted(), clock, lives=lambda: clock.now() < START + 100)
        (result,) = follow_far(run, board)
        assert (result.outcome, result.published) == (None, True)
        assert board.words()[-1] == "error: Interrupted, can be resumed: 1 succeeded, 1 cut off"
        assert "Interrupted: `EC2 takes the machine back`" in board.final()
        assert f"/runner resume {RUN_ID}" in board.final()
        live = next(c.body for c in board.forge.comments(7) if "runner:live" in c.body)
        assert "was interrupted" in live

    @pytest.mark.slow
    def test_one_that_is_shown_as_interrupted_and_goes_on_by_a_command(
        self, board: Board, clock: VirtualTime
    ) -> None:
        """Nothing changes before the new machine speaks; then it is one run again."""
        log = interrupted()
        first = Far(log, clock, lives=lambda: False).all_at_once()
        clock.sleep(100.0)
        follow_far(first, board)
        shown = board.shown()
        going_on(log, 300.0)
        first.lives, first.waits = (lambda: True), lambda: "i-0second is booting"
        follow_far(first, board, until=START + 250.0)
        assert board.shown() == shown
        first.lives = None
        (result,) = follow_far(first, board)
        assert result.published
        assert board.words()[-1].startswith("success")
        assert board.kinds().count("final") == 1


class TestStore:
    def test_it_asks_for_patience_now_and_then(self, board: Board, clock: VirtualTime) -> None:
        run, said, count = Far(failed_log(), clock), [], iter(range(10**6))

        def busy(what: str, name: str) -> None:
            if what == "get" and next(count) % 3:
                raise StoreBusyError(f"cannot read {name[:5]}: S3 asks for patience (SlowDown)")

        run.bucket.before.append(busy)
        (result,) = follow_far(run, board, notice=said.append)
        assert result.published
        assert len(said) == len(set(said)) <= 3

    @pytest.mark.slow
    def test_an_outage_of_an_hour_is_waited_for(self, board: Board, clock: VirtualTime) -> None:
        run, tried = Far(failed_log(), clock), []

        def down(what: str, name: str) -> None:
            if what == "get" and START + 5 < clock.now() < START + 3600:
                tried.append(clock.now())
                raise StoreBusyError("cannot read it: it does not answer (EndpointConnectionError)")

        run.bucket.before.append(down)
        (result,) = follow_far(run, board, patience=600.0)
        assert result.published
        assert len(tried) < 100

    @pytest.mark.slow
    def test_a_right_that_is_missing_is_said_once_and_tried_until_patience_ends(
        self, board: Board, clock: VirtualTime
    ) -> None:
        run, said = Far(failed_log(), clock), []

        def denied(what: str, name: str) -> None:
            if what == "get" and clock.now() > START + 5:
                raise StoreError("cannot read it: s3:GetObject is denied", hint="allow s3:GetObject")

        run.bucket.before.append(denied)
        (result,) = follow_far(run, board, patience=300.0, notice=said.append)
        assert not result.published
        assert said == ["cannot read it: s3:GetObject is denied; allow s3:GetObject"]
        assert START + 300 < clock.now() < START + 1000
        assert board.words()[-1].startswith("pending: Running"), "nobody knows that it is over"
        assert board.kinds() == ["live"]

    @pytest.mark.slow
    def test_credentials_that_are_renewed_in_time(self, board: Board, clock: VirtualTime) -> None:
        run = Far(failed_log(), clock)

        def expired(what: str, name: str) -> None:
            if START + 5 < clock.now() < START + 200:
                raise StoreError("the AWS credentials have expired")

        run.bucket.before.append(expired)
        assert follow_far(run, board)[0].published

    def test_what_its_jobs_left_cannot_be_read(self, board: Board, clock: VirtualTime) -> None:
        """Then the run is told without."""
        run, said = Far(failed_log(), clock), []

        def denied(what: str, name: str) -> None:
            if name.endswith("summary.md"):
                raise StoreError("cannot read a summary: s3:GetObject is denied")

        run.log.events = [
            dataclasses.replace(event, summary=True) if isinstance(event, e.AttemptFinished) else event
            for event in run.log.events
        ]
        run.bucket.before.append(denied)
        (result,) = follow_far(run, board, notice=said.append)
        assert result.published
        assert said == ["cannot read a summary: s3:GetObject is denied"]
        assert board.kinds() == ["(live)", "final"]

    @pytest.mark.slow
    def test_the_cloud_cannot_say_whether_it_lives(self, board: Board, clock: VirtualTime) -> None:
        run, said = Far(failed_log(), clock), []

        def unknown() -> bool:
            raise CloudError("cannot describe instances: no answer")

        run.lives = unknown
        (result,) = follow_far(run, board, notice=said.append)
        assert result.published
        assert said == ["cannot describe instances: no answer"]

    def test_the_cloud_can_never_say_and_the_log_has_no_end(self, board: Board, clock: VirtualTime) -> None:
        """A log to which nothing is added for minutes is that of a machine that is gone."""
        run = Far(failed_log(), clock)
        run.log.events = run.log.events[:9]

        def unknown() -> bool:
            raise CloudError("ec2:DescribeInstances is denied")

        run.lives = unknown
        (result,) = follow_far(run, board, patience=300.0)
        assert (result.outcome, result.published) == (None, True)
        assert board.words()[-1].startswith("error: Interrupted")
        assert 300 < clock.now() - START < 400

    def test_a_run_that_is_over_and_a_cloud_that_does_not_answer(
        self, board: Board, clock: VirtualTime
    ) -> None:
        run = Far(failed_log(), clock).all_at_once()
        clock.sleep(3600.0)

        def unknown() -> bool:
            raise CloudError("ec2:DescribeInstances is denied")

        run.lives = unknown
        (result,) = follow_far(run, board, patience=60.0)
        assert result.published
        assert board.kinds() == ["final"]

    def test_no_run_is_there(self, board: Board, clock: VirtualTime) -> None:
        run = Far(failed_log(), clock, lives=lambda: clock.now() < START + 100)
        run.bucket.held.clear()
        (result,) = follow_far(run, board)
        assert (result.run_id, result.outcome, result.published) == (RUN_ID, None, False)
        assert board.set == []


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


BY_THE_WRITER = b'{"segment": 3, "generation": 1000, "writer": "i-0abc"}\n'
FUTURE = b'{"type": "heartbeat", "at": "9999-12-31T23:59:59.000000Z"}\n'


class TestSettle:
    def test_a_run_of_yesterday(self, board: Board, clock: VirtualTime) -> None:
        run = Far(failed_log(), clock).all_at_once()
        clock.sleep(86400.0)
        publisher = Publisher(board, TARGET, clock=clock)  # type: ignore[arg-type]
        assert settle(publisher, run.source(), clock=clock, sleep=clock.sleep)
        assert board.kinds() == ["final"]

    def test_what_somebody_knows_of_its_machine_counts(self, board: Board, clock: VirtualTime) -> None:
        """By its log alone it would live for minutes."""
        run = Far(failed_log(), clock)
        run.append(run.log.events[:9])
        publisher = Publisher(board, TARGET, clock=clock)  # type: ignore[arg-type]
        assert settle(publisher, run.source(), clock=clock, sleep=clock.sleep, alive=lambda: False)
        assert board.words()[-1].startswith("error: Interrupted")

    def test_what_its_jobs_left_cannot_be_read(self, board: Board, clock: VirtualTime) -> None:
        run, said = Far(failed_log(), clock), []
        run.log.events = [
            dataclasses.replace(event, summary=True) if isinstance(event, e.AttemptFinished) else event
            for event in run.log.events
        ]
        run.all_at_once()

        def denied(what: str, name: str) -> None:
            if name.endswith("summary.md"):
                raise StoreError("cannot read a summary: s3:GetObject is denied")

        run.bucket.before.append(denied)
        publisher = Publisher(board, TARGET, clock=clock)  # type: ignore[arg-type]
        assert settle(publisher, run.source(), clock=clock, sleep=clock.sleep, notice=said.append)
        assert said == ["cannot read a summary: s3:GetObject is denied"]
        assert board.kinds() == ["final"]

    def test_one_that_waits_for_its_machine(self, board: Board, clock: VirtualTime) -> None:
        run = Far(failed_log(), clock)
        run.log.events = []
        publisher = Publisher(board, TARGET, clock=clock)  # type: ignore[arg-type]
        words = "i-0abc is booting, 4 s"
        assert settle(
            publisher, run.source(), clock=clock, sleep=clock.sleep, alive=lambda: True, waiting=lambda: words
        )
        assert board.words() == ["pending: Waiting for its machine: i-0abc is booting"]

    def test_one_that_waits_for_its_next_machine(self, board: Board, clock: VirtualTime) -> None:
        """It is not told as interrupted."""
        run = Far(interrupted(), clock).all_at_once()
        clock.sleep(60.0)
        publisher = Publisher(board, TARGET, clock=clock)  # type: ignore[arg-type]
        assert settle(publisher, run.source(), clock=clock, sleep=clock.sleep, alive=lambda: True)
        assert board.words() == ["pending: Waiting for another machine: it has said nothing yet"]
        assert board.kinds() == ["live"]

    @pytest.mark.parametrize("body", [b"what?", BY_THE_WRITER + FUTURE])
    def test_a_log_that_is_none(self, board: Board, clock: VirtualTime, body: bytes) -> None:
        run = Far(failed_log(), clock)
        run.append(run.log.events[:9])
        run.log.events = run.log.events[:9]
        run.put(body)
        publisher = Publisher(board, TARGET, clock=clock)  # type: ignore[arg-type]
        assert settle(publisher, run.source(), clock=clock, sleep=clock.sleep, alive=lambda: True)
        assert board.words()[-1].startswith("error: Interrupted")
        assert "its log cannot be read any further" in board.final()

    @pytest.mark.parametrize(("events", "said"), [(9, "pending: Running"), (None, "failure: Failed")])
    def test_the_cloud_cannot_say_whether_it_lives(
        self, board: Board, clock: VirtualTime, events: int | None, said: str
    ) -> None:
        """What the log says is shown all the same."""
        run, told = Far(failed_log(), clock), []
        run.log.events = run.log.events[:events]
        run.all_at_once()

        def unknown() -> bool:
            raise CloudError("cannot look for machines: AWS asks for patience")

        publisher = Publisher(board, TARGET, clock=clock)  # type: ignore[arg-type]
        assert settle(
            publisher, run.source(), clock=clock, sleep=clock.sleep, alive=unknown, notice=told.append
        )
        assert board.words()[-1].startswith(said)
        assert told == ["cannot look for machines: AWS asks for patience"]

    def test_a_living_run_is_left_alone(self, board: Board, clock: VirtualTime) -> None:
        run = Far(failed_log(), clock)
        run.append(run.log.events[:9])
        run.log.events = run.log.events[:9]
        clock.sleep(60.0)
        publisher = Publisher(board, TARGET, clock=clock)  # type: ignore[arg-type]
        assert settle(publisher, run.source(), clock=clock, sleep=clock.sleep)
        assert board.words()[-1].startswith("pending: Running")


class TestHostileLog:
    """Whoever has a job's machine may write anything to the run's own place."""

    @pytest.mark.parametrize(
        "body",
        [
            b"not a segment",
            BY_THE_WRITER + b"not an event\n",
            BY_THE_WRITER + b'{"type": [], "at": "2026-11-22T18:04:05.000000Z"}\n',
            BY_THE_WRITER + b'{"type": "job_finished", "at": "2026-11-22T18:04:05.000000Z", "job_id": "x"}\n',
            BY_THE_WRITER
            + b'{"type": "attempt_started", "at": "2026-11-22T18:04:05.000000Z", "job_id": "cleanup",'
            b' "attempt": -3, "handle": "x"}\n',
            BY_THE_WRITER + b"[" * 100_000 + b"\n",
            pytest.param(b"x" * (33 << 20), marks=pytest.mark.slow),
        ],
        ids=["segment", "event", "type", "job", "attempt", "depth", "size"],
    )
    def test_what_no_runner_writes_is_the_end_of_it(
        self, board: Board, clock: VirtualTime, body: bytes
    ) -> None:
        run, said = Far(failed_log(), clock, lives=lambda: True), []
        run.append(run.log.events[:9])
        run.log.events = run.log.events[:9]
        clock.sleep(20.0)
        follow_far(run, board, until=clock.now() + 20.0)
        run.put(body)
        (result,) = follow_far(run, board, notice=said.append, until=clock.now() + 600)
        assert (result.published, result.handed_over) == (False, False)
        assert len(said) == 1
        assert board.words()[-1].startswith("error: Interrupted")
        assert "its log cannot be read any further: " in board.final()
        assert len(board.final()) < 10_000

    def test_an_event_of_the_future_hides_nothing_that_comes_later(
        self, board: Board, clock: VirtualTime
    ) -> None:
        """Of two texts the newer one stays, by the times in logs."""
        run = Far(failed_log(), clock, lives=lambda: True)
        run.append(run.log.events[:9])
        run.log.events = run.log.events[:9]
        run.put(BY_THE_WRITER + FUTURE)
        follow_far(run, board)
        assert "event 10: it says to have been written 9999-12-31T23:59:59.000000Z" in board.final()
        again = Far(later(failed_log(), 60.0), clock, run_id=RUN_ID.replace("abc", "abd"))
        assert follow_far(again, board)[0].published
        assert board.words()[-1].startswith("failure: Failed")
        assert board.kinds().count("final") == 2

    def test_other_runs_are_published_all_the_same(self, board: Board, clock: VirtualTime) -> None:
        broken = Far(Log(queue(job("a"), queue_id="bad")), clock, run_id=RUN_ID.replace("demo", "bad"))
        broken.put(b"{}")
        first, second = follow_far([broken, Far(failed_log(), clock)], board)
        assert (first.published, second.published) == (False, True)

    def test_a_run_goes_by_its_place_whatever_its_log_calls_it(
        self, board: Board, clock: VirtualTime
    ) -> None:
        run = Far(failed_log(), clock)
        lines = e.encode_lines(run.log.events, "other-20200101T000000-aaaaaa")
        run.put(b'{"segment": 1, "generation": 1, "writer": "x"}\n' + lines)
        run.log.events = []
        (result,) = follow_far(run, board)
        assert result.run_id == RUN_ID
        assert "other-2020" not in board.final()

    @pytest.mark.parametrize(
        "text", ["@all <img src=x> [x](http://evil.test) ```\n# no", "`" * 50, "\u202eabc"]
    )
    def test_what_it_calls_its_machines_stays_text(self, board: Board, clock: VirtualTime, text: str) -> None:
        log = interrupted()
        log.events[1] = dataclasses.replace(
            launched("x", 0.0), instance_id=text, machine_type=text, zone=text
        )
        lost = e.InstanceLost(at=START + 41.0, instance_id=text, reason=text)
        run = Far(log.add(lost, e.RunFinished(at=START + 41.0, outcome="lost")), clock, waits=lambda: text)
        follow_far(run, board)
        assert "was lost" in board.final()
        for _, body in board.said:
            for line in body.splitlines():
                assert not line.startswith("# no")
                bare = SPAN.sub("", line)
                assert not [evil for evil in ("@all", "<img", "[x](", "\u202e") if evil in bare], line
        assert "\u202e" not in "".join(board.words())

    @pytest.mark.slow
    def test_manifests_and_summaries_without_end(self, board: Board, clock: VirtualTime) -> None:
        log = Log(queue(job("a"))).start("a", 0.5).end("a", 1.0, summary=True, results=True)
        stored = e.ResultsStored(at=START + 1.0, job_id="a", attempt=1, files=1, bytes=3)
        log.add(stored, e.JobFinished(at=START + 1.0, job_id="a", outcome="succeeded")).over(1.0)
        run, sizes = Far(log, clock), []
        run.bucket.put("jobs/a/1/summary.md", b"x" * (20 << 20))
        run.bucket.put("jobs/a/1/results/manifest.json", b" " * (40 << 20))
        get = run.bucket.get

        def measured(name: str, span: str = "") -> object:
            found = get(name, span)
            sizes.append(len(found.body) if found is not None else 0)
            return found

        run.bucket.get = measured  # type: ignore[method-assign,assignment]
        assert follow_far(run, board)[0].published
        assert max(sizes) <= 32 << 20
