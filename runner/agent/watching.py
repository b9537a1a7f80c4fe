"""What can end a machine before its run: its market, its time to live, another machine that has the run."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from runner.agent.metadata import Metadata
from runner.errors import CloudError

EVERY = 5.0
"""Seconds between two looks: a notice comes two minutes ahead, best effort."""
_KILL_AFTER = 60.0
"""Seconds that jobs have after a notice: what is left is for their logs and results."""
Notice = Callable[[str], None]


@dataclass(slots=True)
class Interruption:
    """Asked for from any thread, it reaches the run now, or as soon as there is one."""

    reason: str = ""
    machine_is_lost: bool = False
    _asked: list[str] = field(default_factory=list)
    _run: Callable[[str], None] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def attach(self, run: Callable[[str], None]) -> None:
        with self._lock:
            self._run = run
            asked = list(self._asked)
        for reason in asked:
            run(reason)

    def ask(self, reason: str, *, at_once: bool = False) -> None:
        """The jobs get TERM and their grace; `at_once` (or asked again) ends them without."""
        with self._lock:
            times = 2 if at_once and not self._asked else 1
            self.reason = self.reason or reason
            self._asked += [reason] * times
            run = self._run
        for _ in range(times if run is not None else 0):
            run(reason)  # type: ignore[misc]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When the machine itself ends (seconds on `clock`), and how long before that its run must."""

    end: float
    reserve: float = 120.0


class Watch:
    """A thread that looks every five seconds. `metadata` None: this machine has no market and no notice."""

    def __init__(
        self,
        interruption: Interruption,
        times: Times,
        metadata: Metadata | None,
        *,
        notice: Notice,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interruption = interruption
        self._times = times
        self._metadata = metadata
        self._notice = notice
        self._clock = clock
        self._kill_at: float | None = None
        self._asked = False
        self._told: set[str] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ending.is_set():
            self.look()
            self._ending.wait(self.pause())

    def pause(self) -> float:
        """Seconds until the next look: what is due is not late. Public for tests, as `look`."""
        due = self._kill_at if self._asked else self._times.end - self._times.reserve
        return EVERY if due is None else min(EVERY, max(0.05, due - self._clock()))

    def look(self) -> None:
        """Once; public for tests."""
        now = self._clock()
        if self._kill_at is not None and now >= self._kill_at:
            self._interruption.ask("the jobs took too long to end")
            self._kill_at = None
        if not self._asked and now >= self._times.end - self._times.reserve:
            self._end("the machine's time to live (`ttl`) is over", now + self._times.reserve / 2)
        if not self._asked and self._metadata is not None:
            self._look_at_market(self._metadata, now)

    def _look_at_market(self, metadata: Metadata, now: float) -> None:
        try:
            notice = metadata.get("spot/instance-action")
            advice = None if notice else metadata.get("events/recommendations/rebalance")
        except CloudError as error:
            self._say(error.message)
            return
        if notice is not None:
            self._interruption.machine_is_lost = True
            at, left = _when(notice)
            self._end(f"EC2 takes this spot machine back{at}", now + min(_KILL_AFTER, left / 2))
        elif advice is not None:
            self._say("EC2 says that this spot machine is likelier than others to be taken back")

    def _end(self, reason: str, kill_at: float) -> None:
        self._asked, self._kill_at = True, kill_at
        self._notice(reason)
        self._interruption.ask(reason)

    def _say(self, sentence: str) -> None:
        """Once: it would be said again every five seconds."""
        if sentence not in self._told:
            self._told.add(sentence)
            self._notice(sentence)


def _when(notice: str) -> tuple[str, float]:
    """(` at TIME`, seconds until then); a notice that says no time leaves the usual two minutes."""
    try:
        at = datetime.fromisoformat(json.loads(notice)["time"]).timestamp()
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", 120.0
    return f" at {time.strftime('%H:%M:%SZ', time.gmtime(at))}", min(120.0, max(0.0, at - time.time()))
