"""What is seen while a run is live: a frame that is drawn anew on a terminal, plain lines elsewhere.

The scheduler calls a view with every batch, so a view does nothing but keep the batch until its timer is due.
A view whose output went away falls silent: the run goes on.
"""

from __future__ import annotations

import contextlib
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TextIO

from runner.cli.terminal import in_actions, is_terminal, say
from runner.clock import SystemClock
from runner.events import Event, JobFinished, JobRetrying, RunResumed, RunStarted
from runner.report.lines import GROUP, failure_lines, lines
from runner.runs.files import last_words, tail
from runner.runs.source import Where
from runner.state import RunState

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

EVERY = 0.25
"""Seconds between two frames, or two flushes of lines."""
_SHARE = 25
"""A frame may cost this part of the time until the next one: the terminal must not slow the jobs down."""
_TAILS_SHOWN = 10


class View(Protocol):
    def __call__(self, state: RunState, batch: Sequence[Event]) -> None:
        """`batch` was folded into `state`; it may be empty."""

    def notice(self, text: str) -> None:
        """Say a sentence to whoever watches."""

    def close(self, state: RunState, *, died: bool = False) -> None:
        """Show what is left. `died`: nobody runs this run any more, though its log does not say so."""


@contextlib.contextmanager
def view(out: TextIO, where: Where, before: Mapping[str, float]) -> Iterator[View]:
    """The view that fits `out`. Leaves the terminal as it was, also when the run cannot be carried on."""
    made: LiveView | LinesView
    made = LiveView(out, where, before) if is_terminal(out) else LinesView(out, where)
    try:
        yield made
    finally:
        made.release()


def tails(where: Where, state: RunState, batch: Sequence[Event], most: int) -> dict[str, tuple[str, ...]]:
    """The last lines of the first `most` jobs that failed in this batch."""
    found: dict[str, tuple[str, ...]] = {}
    for event in batch:
        if len(found) == most:
            break
        if isinstance(event, JobFinished):
            job = state.jobs[event.job_id]
            if job.failed_for_good and job.attempts:
                found[event.job_id] = tail(where, event.job_id, job.attempt)
    return found


def words(where: Where, batch: Sequence[Event]) -> dict[tuple[str, int], str]:
    """The last line on standard error of attempts that another will follow, while they are few."""
    ended = [(event.job_id, event.attempt) for event in batch if isinstance(event, JobRetrying)]
    return {one: last_words(where, *one) for one in ended} if len(ended) <= GROUP else {}


class LinesView:
    """Plain lines, flushed on a timer, so that hundreds of jobs at once can share one."""

    def __init__(self, out: TextIO, where: Where) -> None:
        self._out: TextIO | None = out
        self._where = where
        self._token = secrets.token_hex(16) if in_actions() else ""
        self._kept: list[Event] = []
        self._due = 0.0

    def __call__(self, state: RunState, batch: Sequence[Event]) -> None:
        self._kept += batch
        if self._kept and time.monotonic() >= self._due:
            self.close(state)

    def notice(self, text: str) -> None:
        # The terminal has shown "^C" at the beginning of a line that would go on with ours.
        say(f"\nrunner: {text}" if is_terminal(sys.stderr) else f"runner: {text}")

    def close(self, state: RunState, *, died: bool = False) -> None:  # noqa: ARG002  lines say what happened
        batch, self._kept = self._kept, []
        self._due = time.monotonic() + EVERY
        if self._out is None or not batch:
            return
        ends = tails(self._where, state, batch, GROUP)
        shown = lines(state, batch, ends, self._token, words(self._where, batch))
        try:
            self._out.write("".join(f"{line}\n" for line in shown))
            self._out.flush()
        except (OSError, ValueError):
            self._out = None

    def release(self) -> None:
        """Nothing to give back."""


class LiveView:
    """A frame on a terminal, drawn anew a few times a second; failed jobs' last lines stay above it."""

    def __init__(self, out: TextIO, where: Where, before: Mapping[str, float]) -> None:
        # Imported here: rich takes longer to load than many commands take to run.
        from rich.live import Live  # noqa: PLC0415

        from runner.cli.screen import Screen  # noqa: PLC0415

        self._console = Screen(file=out, highlight=False, markup=False, emoji=False, soft_wrap=False)
        self._live: Live | None = Live(
            console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._started = False
        self._where = where
        self._before = before
        self._clock = SystemClock()
        self._due = 0.0
        self._left_due = 0.0
        self._left: float | None = None
        self._failures: list[Event] = []
        self._notice = ""
        self._tails_left = _TAILS_SHOWN
        self._cells: list[int] = []

    def __call__(self, state: RunState, batch: Sequence[Event]) -> None:
        self._failures += [event for event in batch if isinstance(event, JobFinished)]
        if any(isinstance(event, RunStarted | RunResumed) for event in batch):
            return  # what starts, again too, is in the next batch: it comes at once
        began = time.monotonic()
        if began >= self._due:
            self._draw(state)
            cost = time.monotonic() - began
            self._due = began + max(EVERY, cost * _SHARE)

    def notice(self, text: str) -> None:
        self._notice = text
        self._due = 0.0

    def close(self, state: RunState, *, died: bool = False) -> None:
        self._notice = ""
        self._draw(state, died=died)
        self.release()

    def release(self) -> None:
        live, self._live = self._live, None
        if live is not None and self._started:
            with contextlib.suppress(OSError, ValueError):
                live.stop()

    def _draw(self, state: RunState, *, died: bool = False) -> None:
        if self._live is None:
            return
        try:
            if not self._started:  # not before: a run may be refused, and then nothing was shown
                self._started = True
                self._live.start()
            self._take_back(self._live)
            self._show_failures(self._live, state)
            drawn = self._frame(state, died=died)
            self._cells = [row.cell_len for row in drawn.split()]
            self._live.update(drawn, refresh=True)
        except (OSError, ValueError):
            self.release()

    def _take_back(self, live: Live) -> None:
        """A window that became narrower breaks lines in two: there are more rows than rich knows of."""
        from rich.text import Text  # noqa: PLC0415  rich was loaded by now

        width = max(1, self._console.size.width)
        broken = sum(max(0, cells - 1) // width for cells in self._cells)
        if broken:
            live.update(Text(""), refresh=True)
            self._console.file.write(f"\x1b[{broken}A\x1b[J")

    def _show_failures(self, live: Live, state: RunState) -> None:
        batch, self._failures = self._failures, []
        for job_id, rows in tails(self._where, state, batch, self._tails_left).items():
            self._tails_left -= 1
            live.console.print("\n".join([f"{job_id} failed; its last lines:", *failure_lines(rows)]))

    def _frame(self, state: RunState, *, died: bool) -> Text:
        from runner.report.console import Look, frame  # noqa: PLC0415  brings rich, which was loaded by now
        from runner.report.estimate import remaining  # noqa: PLC0415

        now = self._clock.now()
        if self._before and now >= self._left_due:
            self._left, self._left_due = remaining(state, self._before, now), now + 1.0
        size = self._console.size
        plain = not (self._console.encoding or sys.getdefaultencoding()).lower().startswith("utf")
        look = Look(
            width=size.width,
            height=size.height,
            ascii=plain,
            before=self._before,
            left=self._left,
            notice=self._notice,
            died=died,
        )
        return frame(state, now, look)
