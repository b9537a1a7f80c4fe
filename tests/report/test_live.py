"""What is shown while a run is live: plain lines, frames, estimates, last words."""

from __future__ import annotations

from rich.console import Console

from runner import events as e
from runner.report.closing import closing
from runner.report.console import Look, frame
from runner.report.estimate import remaining
from runner.report.lines import lines
from runner.state import RunState
from tests.builders import RUN_ID, START, Log, failed_log, job, many, queue
from tests.measuring import at_most
from tests.snapshots import assert_snapshot


def drawn(state: RunState, now: float, **look: object) -> str:
    sized: dict[str, object] = {"width": 100, "height": 30, **look}
    text = frame(state, START + now, Look(**sized)).plain  # type: ignore[arg-type]
    return "".join(f"{row.rstrip()}\n" for row in text.split("\n"))


class TestLines:
    def test_one_of_everything(self) -> None:
        log = failed_log()
        text = "\n".join(lines(log.state(), log.events, {"build": ("compiling", "it broke")}))
        assert_snapshot("lines.txt", text + "\n")

    def test_what_happens_to_the_whole_run(self) -> None:
        log = Log(queue(job("a"), job("b")))
        log.add(
            e.CancelRequested(at=START, by="ann\x1b[2J"),
            e.CancelRequested(at=START, job_ids=("a",)),
            e.QueueTimedOut(at=START),
            e.QueueTimedOut(at=START, cleanup=True),
            e.RunInterrupted(at=START, reason="SIGINT"),
            e.RunResumed(at=START + 9, max_parallel=2),
        )
        assert [line[9:] for line in lines(log.state(), log.events, {})] == [
            f"{RUN_ID} started: 2 jobs, at most 4 at a time (times are UTC)",
            "cancel of the run requested by ann",
            "cancel of a requested",
            "the queue's time is over",
            "the time for cleaning up is over",
            f"{RUN_ID} goes on: 2 waiting (times are UTC)",
        ]

    def test_hundreds_at_once_share_a_line_and_failures_keep_their_own(self) -> None:
        log = Log(many(300))
        for i in range(300):
            log.whole(f"job-{i}", 0.0, outcome="failed" if i >= 270 else "succeeded")
        shown = lines(log.state(), log.events, {"job-270": ("last line",), "job-299": ("not shown",)})
        text = "\n".join(shown)
        assert "270 jobs succeeded: job-0, job-1, job-2, … job-269" in text
        assert "300 jobs started: job-0, job-1, job-2, … job-299" in text
        assert "job-270 failed: exit code 1\n    | last line" in text
        assert "10 more jobs failed: job-290, job-291, job-292, … job-299" in text
        assert "not shown" not in text
        assert len(shown) == 1 + 20 + 1 + 3

    def test_a_log_gives_no_commands_to_github(self) -> None:
        log = Log(queue(job("a"))).whole("a", 0.0, outcome="failed")
        shown = lines(log.state(), log.events, {"a": ("::error::forged", "##[add-mask]x")}, token="t0ken")
        begin, end = shown.index("::stop-commands::t0ken"), shown.index("::t0ken::")
        assert shown[begin + 1 : end] == ["    | ::error::forged", "    | ##[add-mask]x"]

    def test_a_retry_says_why_in_the_jobs_own_words(self) -> None:
        log = Log(queue(job("a", retries=1))).start("a", 0.0).end("a", 1.0, "failed", exit_code=6)
        log.retrying("a", 1.0, 16.0)
        words = {("a", 1): "no route to host ##[add-mask]x"}
        (line,) = lines(log.state(), log.events[-1:], {}, "", words)
        assert line[9:] == ("a did not succeed (exit code 6: no route to host ## [add-mask]x); again in 16s")

    def test_missing_results_and_retries(self) -> None:
        log = Log(queue(job("a", retries=1))).start("a", 0.0).end("a", 1.0, "failed", exit_code=7)
        log.add(e.ResultsStored(at=START + 1, job_id="a", attempt=1, missing=("*.csv",)))
        log.retrying("a", 1.0, 90.0)
        assert [line[9:] for line in lines(log.state(), log.events[-2:], {})] == [
            "a: no file matches *.csv",
            "a did not succeed (exit code 7); again in 1m30s",
        ]


class TestFrame:
    def test_a_queue_that_fits_is_shown_whole(self) -> None:
        made = queue(
            job("fetch"),
            job("compile", "fetch"),
            job("flaky", "fetch", retries=2),
            job("long-name-of-a-job", "flaky"),
        )
        log = Log(made).whole("fetch", 0.0, 2.0).start("compile", 2.0).start("flaky", 2.0)
        log.end("flaky", 3.0, "failed").retrying("flaky", 3.0, 4.0)
        state = log.state()
        assert_snapshot("frame.txt", drawn(state, 4.5, before={"compile": 5.0}, left=12.0))
        assert_snapshot("frame-ascii.txt", drawn(state, 4.5, before={"compile": 5.0}, left=12.0, ascii=True))

    def test_the_end_of_a_failed_run(self) -> None:
        assert_snapshot("frame-failed.txt", drawn(failed_log().state(), 9.0))

    def test_of_a_large_queue_what_failed_and_what_runs(self) -> None:
        log = Log(many(10_000), max_parallel=16)
        for i in range(3000):
            log.whole(f"job-{i}", 0.01 * i, 0.5, "failed" if i % 100 == 0 else "succeeded")
        for i in range(3000, 3016):
            log.start(f"job-{i}", 31.0)
        state = log.state()
        assert_snapshot("frame-large.txt", drawn(state, 33.0, height=20))
        with at_most(yards=3):  # a thirtieth of one: nobody looks at every job for a frame
            frame(state, START + 33, Look(width=100, height=50))

    def test_never_more_lines_or_columns_than_there_are(self) -> None:
        log = Log(many(200))
        for i in range(200):
            log.start(f"job-{i}", 0.0)
            if i % 2:
                log.finish(f"job-{i}", 1.0, "failed", reason="x" * 500)
        state = log.state()
        for width, height in ((20, 5), (40, 3), (80, 24), (300, 100)):
            rows = drawn(state, 2.0, width=width, height=height).splitlines()
            assert len(rows) <= height
            assert max(map(len, rows)) <= width
            assert any("failed" in row or "…" in row for row in rows)

    def test_an_interrupted_run_stands_still(self) -> None:
        log = Log(queue(job("a"), job("b", "a"))).start("a", 0.0)
        log.end("a", 1.0, "lost", signal="SIGTERM", interrupted=True)
        state = log.add(e.RunInterrupted(at=START + 1, reason="SIGINT")).state()
        assert_snapshot("frame-interrupted.txt", drawn(state, 9.0, left=5.0))

    def test_a_notice_has_a_line_of_its_own(self) -> None:
        state = Log(many(50)).start("job-0", 0.0).state()
        rows = drawn(state, 1.0, height=6, notice="ending the jobs").splitlines()
        assert len(rows) <= 6
        assert rows[-1] == "  ending the jobs"

    def test_hostile_reasons_do_not_reach_the_terminal(self) -> None:
        log = Log(queue(job("a"))).whole(
            "a", 0.0, outcome="failed", reason="\x1b[2J\x1b]0;x\x07[red]boo\n\nx"
        )
        console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
        with console.file:
            console.print(frame(log.state(), START, Look(width=100, height=10)))
        text = console.export_text()
        assert "[red]boo" in text
        assert "\x1b" not in text
        assert len(text.splitlines()) == 2


class TestEstimate:
    made = queue(job("a"), job("b", "a"), job("c", "a"), job("d", "b", "c"))
    before = {"a": 10.0, "b": 20.0, "c": 5.0, "d": 1.0}  # noqa: RUF012

    def test_the_longest_way_where_there_are_slots(self) -> None:
        assert remaining(Log(self.made).state(), self.before, START) == 31.0

    def test_the_work_where_there_are_none(self) -> None:
        assert remaining(Log(self.made, max_parallel=1).state(), self.before, START) == 36.0

    def test_what_a_job_has_run_already_counts(self) -> None:
        state = Log(self.made).start("a", 0.0).state()
        assert remaining(state, self.before, START + 4) == 27.0
        assert remaining(state, self.before, START + 400) == 21.0

    def test_a_back_off_counts(self) -> None:
        log = Log(self.made).start("a", 0.0).end("a", 1.0, "failed").retrying("a", 1.0, 8.0)
        assert remaining(log.state(), self.before, START + 3) == 37.0

    def test_too_little_known_is_no_estimate(self) -> None:
        state = Log(self.made).state()
        assert remaining(state, {"a": 1.0}, START) is None
        assert remaining(state, {}, START) is None


class TestClosing:
    def test_a_failed_run_says_what_to_do_next(self) -> None:
        rows = closing(failed_log().state(), START + 9, ref="RUN", report="/x/report.md")
        assert_snapshot("closing-failed.txt", "\n".join(rows) + "\n")

    def test_an_interrupted_run_says_how_to_go_on(self) -> None:
        log = Log(queue(job("a"))).add(e.RunInterrupted(at=START + 1, reason="SIGINT"))
        rows = closing(log.state(), START + 9, ref="RUN")
        assert rows[1:] == [
            "  go on: runner resume RUN",
            "  or end it with its cleanup: runner cancel RUN",
        ]

    def test_a_run_that_still_cleans_up_is_not_to_be_retried(self) -> None:
        log = Log(queue(job("a"), job("clean", "a", always_run=True))).add(
            e.CancelRequested(at=START, by="ann")
        )
        log.whole("a", 0.0, outcome="cancelled").start("clean", 1.0)
        rows = closing(log.state(), START + 2, ref="RUN")
        assert rows[0] == f"{RUN_ID} is being cancelled by ann after 2s: 1 cancelled, 1 running"
        assert not any("retry" in row for row in rows)
        log.end("clean", 3.0).add(e.JobFinished(at=START + 3, job_id="clean", outcome="succeeded"))
        rows = closing(log.over(3.0, "cancelled").state(), START + 3, ref="RUN")
        assert rows[0] == f"{RUN_ID} was cancelled by ann after 3s: 1 succeeded, 1 cancelled"
        assert "runner retry RUN" in rows[-1]

    def test_a_run_that_succeeded_is_one_line(self) -> None:
        log = Log(queue(job("a"))).whole("a", 0.0).over(1.0)
        assert closing(log.state(), START, ref="RUN") == [f"{RUN_ID} succeeded after 1s: 1 succeeded"]

    def test_many_failures_are_counted(self) -> None:
        log = Log(many(30))
        for i in range(30):
            log.whole(f"job-{i}", 0.0, outcome="failed")
        rows = closing(log.over(1.0, "failed").state(), START, ref="RUN")
        assert "  and 20 more jobs: runner status RUN" in rows
