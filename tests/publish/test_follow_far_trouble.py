"""Runs in a bucket whose machines are lost, or whose store cannot be asked."""

from __future__ import annotations

import dataclasses

import pytest

from runner import events as e
from runner.errors import CloudError, StoreBusyError, StoreError
from tests.builders import RUN_ID, START, Log, failed_log, job, queue
from tests.publish.far_runs import (
    Board,
    Far,
    follow_far,
    going_on,
    interrupted,
    launched,
)
from tests.virtual_time import VirtualTime

pytestmark = pytest.mark.slow


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
