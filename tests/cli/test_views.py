"""The live view on a terminal, and the timer that keeps views cheap."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest

from runner import events as e
from runner.cli.views import LinesView, LiveView, view
from runner.events import Event
from runner.state import RunState, apply
from tests.builders import START, Log, failed_log, job, many, queue
from tests.cli.shell import ENVIRONMENT
from tests.waiting import until


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Gone(Terminal):
    def write(self, _: str) -> int:
        raise BrokenPipeError


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def fold(log: Log) -> tuple[RunState, list[Event]]:
    return log.state(), log.events


def test_a_terminal_gets_frames_and_a_file_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with view(Terminal(), tmp_path, {}) as made:
        assert isinstance(made, LiveView)
    with view(io.StringIO(), tmp_path, {}) as made:
        assert isinstance(made, LinesView)
    monkeypatch.setenv("CI", "true")
    with view(Terminal(), tmp_path, {}) as made:
        assert isinstance(made, LinesView)


def test_frames_show_the_failed_jobs_last_lines_and_leave_the_last_frame(tmp_path: Path) -> None:
    folder = tmp_path / "jobs/build/2"
    folder.mkdir(parents=True)
    (folder / "stderr.log").write_bytes(b"it \x1b[2Jbroke\n")
    out = Terminal()
    state, batch = fold(failed_log())
    with view(out, tmp_path, {"build": 3.0}) as made:
        made(state, batch)
        made.close(state)
    text = out.getvalue()
    assert "build failed; its last lines:" in text
    assert "    | it broke" in text
    assert "\x1b[2J" not in text
    assert text.rstrip("\n").endswith("\x1b[?25h")  # the cursor is back
    assert "because of build" in text


def test_nothing_is_drawn_before_something_happened(tmp_path: Path) -> None:
    out = Terminal()
    with view(out, tmp_path, {}):
        pass
    assert out.getvalue() == ""


def test_no_colour_means_no_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    state, batch = fold(failed_log())
    with view(out, tmp_path, {}) as made:
        made(state, batch)
        made.close(state)
    assert "\x1b[32m" not in out.getvalue()
    assert "\x1b[31m" not in out.getvalue()
    assert "\x1b[1;31m" not in out.getvalue()


def test_a_view_whose_output_is_gone_falls_silent(tmp_path: Path) -> None:
    state, batch = fold(failed_log())
    for made in (LiveView(Gone(), tmp_path, {}), LinesView(Gone(), tmp_path)):
        made(state, batch)
        made(state, batch)
        made.close(state)
        made.release()


def test_a_flood_of_batches_is_drawn_a_few_times(tmp_path: Path) -> None:
    made = many(2000)
    log = Log(made)
    for i in range(2000):
        log.whole(f"job-{i}", 0.0)
    for out in (Terminal(), io.StringIO()):
        state = RunState.new("demo", made)
        with view(out, tmp_path, {}) as watching:
            for event in log.events:
                apply(state, event)
                watching(state, [event])
            watching.close(state)
        assert len(out.getvalue()) < 40_000


def test_lines_say_everything_by_the_end(tmp_path: Path) -> None:
    log = Log(queue(job("a"), job("b"))).whole("a", 0.0).whole("b", 1.0).over(2.0)
    out = io.StringIO()
    state = RunState.new("demo", log.queue)
    with view(out, tmp_path, {}) as made:
        for event in log.events:
            apply(state, event)
            made(state, [event])
        made.close(state)
    assert [row.split(" ", 1)[1] for row in out.getvalue().splitlines()] == [
        "demo started: 2 jobs, at most 4 at a time (times are UTC)",
        "a started",
        "a succeeded after 1s",
        "b started",
        "b succeeded after 1s",
    ]
    assert START > 0


def test_the_live_view_moves_on_while_nothing_happens(tmp_path: Path) -> None:
    now = time.time()
    log = Log(queue(job("a")))
    log.add(e.RunStarted(at=now, queue_id="demo", digest="", checkout="/", max_parallel=1))
    log.add(e.AttemptStarted(at=now - 100, job_id="a", attempt=1, handle="h"))
    out = Terminal()
    state, batch = fold(log)
    with view(out, tmp_path, {}) as made:
        made(state, batch)

        def third_frame() -> bool:
            made(state, [])
            return out.getvalue().count(" 1m4") >= 3

        until(third_frame)


def test_what_was_cut_off_is_not_shown_so_when_the_run_goes_on(tmp_path: Path) -> None:
    log = Log(queue(job("a"))).start("a", 0.0)
    log.add(e.RunResumed(at=START + 9, max_parallel=1))
    log.end("a", 9.0, "lost", exit_code=None, interrupted=True)
    out = Terminal()
    with view(out, tmp_path, {}) as made:
        made(log.state(), log.events[-2:])
        log.add(e.JobRetrying(at=START + 9, job_id="a", attempt=1, delay=0.0, free=True)).start("a", 9.0)
        made(log.state(), log.events[-2:])
    assert "cut off" not in out.getvalue()
    assert "running" in out.getvalue()


def test_a_narrower_window_leaves_no_old_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    state, _ = fold(failed_log())
    made = LiveView(out, tmp_path, {})
    made(state, [])
    before = len(out.getvalue())
    monkeypatch.setenv("COLUMNS", "40")
    made.close(state)
    broken = 6  # of the rows that were drawn before, those that are longer than 40 now take two
    assert f"\x1b[{broken}A\x1b[J" in out.getvalue()[before:]
