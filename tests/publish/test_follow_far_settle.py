"""Runs in a bucket that nobody follows any more are shown as what they are."""

from __future__ import annotations

import dataclasses

import pytest

from runner import events as e
from runner.errors import CloudError, StoreError
from runner.publish.publisher import Publisher
from runner.publish.settle import settle
from tests.builders import failed_log
from tests.publish.far_runs import (
    BY_THE_WRITER,
    FUTURE,
    Board,
    Far,
    interrupted,
)
from tests.publish.publishing import TARGET
from tests.virtual_time import VirtualTime

pytestmark = pytest.mark.slow


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
