"""A run that goes on here, kept up to date elsewhere: a thread beside the scheduler.

The local log is the truth; the thread follows it and never holds up the run. A line is told elsewhere only
after what it speaks of is there (logs, results), and lines keep their order. Whatever the bucket answers is
tried again with growing pauses, so nothing is lost while the disk lives; only that a newer generation writes
(FencedError) ends it.

Requests: a segment every two seconds at most while there is something to say, and one a minute else; a file
of a finished attempt once; the end of a log that grows, every five seconds at most and 16 of them; one look
for requests from elsewhere every five seconds.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runner import events as e
from runner.agent.asking import Asking
from runner.agent.lines import Files, LogLines, files_of
from runner.agent.outlet import Outlet
from runner.agent.tails import Tails
from runner.agent.uploads import Group, Notice, Uploads
from runner.errors import FencedError, LogError, RunnerError, StoreError

PACE = 2.0
"""Seconds between two segments, at least."""
BEAT = 75.0
"""Seconds after which a log without a new line says that somebody lives: its next line waits for its files,
or the run has no scheduler yet, which would say so each minute."""
_LOOK = 0.1
_LONGEST_PAUSE = 30.0
MOST = 5_000
_LARGEST = 4 << 20  # bytes of one segment, or one line


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A line that waits for its turn; `group` None: for nothing else."""

    raw: bytes
    event: e.Event | None
    group: Group | None


class Shipper:
    """`directory` is the run's own; the first `offset` bytes of its log are elsewhere already.

    `on_end` is called once, from the thread, with what ended it before its time. `notice` gets sentences
    about what is tried again, from several threads. `pace` in seconds. `at_end`: what is kept besides before
    the run's last word is told.
    """

    def __init__(
        self,
        directory: Path,
        outlet: Outlet,
        *,
        offset: int = 0,
        on_end: Callable[[RunnerError], None],
        notice: Notice = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        pace: float = PACE,
        most: int = MOST,
        at_end: Callable[[], Files] = lambda: iter(()),
    ) -> None:
        self._outlet = outlet
        self._directory = directory
        self._on_end = on_end
        self._notice = notice
        self._clock = clock
        self._pace = pace
        self._most = most
        self._at_end = at_end
        self._bell = threading.Event()
        self._closing = threading.Event()
        self._lines = LogLines(directory, offset)
        self._uploads = Uploads(outlet.put, woken=self._bell.set, notice=notice, pause=pace / 10)
        self._tails = Tails(directory, outlet.put_tail, clock)
        self._asking = Asking(directory, outlet, clock)
        self._waiting: deque[_Waiting] = deque()
        self._unsent: list[_Waiting] = []
        self._last_sent = clock()
        self._next_send = 0.0
        self._pause = pace
        self._has_all = False
        self._given_up = False
        self._thread = threading.Thread(target=self._ship, name="shipper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Lines that were read and wait for their turn: once there are `most`, no more are read."""
        return len(self._waiting)

    def close(self, seconds: float) -> bool:
        """Nothing more is written here: ship the rest. Whether all of it has arrived within this time."""
        self._closing.set()
        self._bell.set()
        self._thread.join(seconds)
        self._given_up = True
        self._uploads.stop()
        self._thread.join()
        return self._has_all

    def _ship(self) -> None:
        try:
            while not (self._given_up or self._has_all):
                self._bell.clear()
                self._round()
                if not self._has_all:
                    self._bell.wait(_LOOK)
        except RunnerError as error:
            self._on_end(error)
        except Exception as error:
            self._on_end(RunnerError(f"shipping the run ended by a bug in runner: {error!r}"))
            raise

    def _round(self) -> None:
        closing = self._closing.is_set()  # read before the log: what is written later is none of ours
        fresh = self._take()
        self._uploads.feed()
        self._tails.look(self._uploads)
        self._send(at_once=closing)
        self._ask()
        self._has_all = closing and not (fresh or self._waiting or self._unsent)

    def _take(self) -> bool:
        """Read on in the log, while there is room for what it says. Whether there was anything."""
        if len(self._waiting) >= self._most:
            return True
        found = self._lines.more()
        for line in found:
            self._tails.heard(line.event)
            self._waiting.append(_Waiting(line.raw, line.event, self._group(line.event)))
        return bool(found)

    def _group(self, event: e.Event | None) -> Group | None:
        """What must be there before this is told."""
        if isinstance(event, e.AttemptFinished | e.ResultsStored):
            return self._uploads.add(*files_of(event, self._directory))
        if isinstance(event, e.RunFinished | e.RunInterrupted):
            return self._uploads.add_made(self._at_end)
        return None

    def _send(self, *, at_once: bool) -> None:
        now = self._clock()
        if now < self._next_send and not (at_once and self._pause == self._pace):
            return
        taken = self._unsent or self._ready()
        if not taken and now - self._last_sent < BEAT:
            return
        raw = b"" if self._unsent else b"".join(one.raw for one in taken)
        self._unsent = taken
        self._next_send = now + self._pace
        try:
            self._outlet.write(raw) if taken else self._outlet.beat()
        except (FencedError, LogError):
            raise
        except StoreError as error:
            self._notice(error.message)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            self._next_send = self._clock() + self._pause
        else:
            self._sent(now)

    def _ready(self) -> list[_Waiting]:
        """The lines whose turn has come: all before them are ready too."""
        ready: list[_Waiting] = []
        size = 0
        while self._waiting and size < _LARGEST:
            group = self._waiting[0].group
            if group is not None and not group.is_done:
                break
            ready.append(self._waiting.popleft())
            size += len(ready[-1].raw)
        return ready

    def _sent(self, now: float) -> None:
        self._last_sent, self._pause = now, self._pace
        for one in self._unsent:
            self._asking.told(one.event)
        self._unsent = []

    def _ask(self) -> None:
        try:
            self._asking.look()
        except StoreError as error:
            self._notice(error.message)
