"""Runs in a bucket whose log was written by somebody who means harm."""

from __future__ import annotations

import dataclasses
import re

import pytest

from runner import events as e
from tests.builders import RUN_ID, START, Log, failed_log, job, queue
from tests.publish.far_runs import (
    BY_THE_WRITER,
    FUTURE,
    Board,
    Far,
    follow_far,
    interrupted,
    later,
    launched,
)
from tests.virtual_time import VirtualTime

pytestmark = pytest.mark.slow

SPAN = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")
"""Code, which is no markdown."""


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
