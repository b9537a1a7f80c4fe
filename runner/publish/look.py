"""One run as it grows, wherever it is: read beside everything else, folded here.

A run on this machine is read at each look. What is elsewhere is asked at its own pace in a thread, one
question at a time: an answer that takes long, or does not come, holds up nothing but this run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from runner.errors import LogError, NotFoundError, RunnerError, StoreBusyError, StoreError
from runner.publish.asking import Ask, at_once, pause_after, sentence
from runner.publish.standing import GONE, OVER, UNHEARD, Life, is_awaited
from runner.publish.watched import Watched
from runner.report.machines import UNREADABLE
from runner.runs.reading import SKEW, Tail
from runner.runs.source import source_of
from runner.state import RunPhase, RunState

ALIVE_EACH = 30.0
"""Seconds between two questions whether somebody runs a run that is not on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """`alive` None: it was not asked, or could not be told, for the reason of `trouble`.

    `wrong`: what is after `lines` is none of ours.
    """

    tail: Tail | None
    lines: bytes = b""
    alive: bool | None = None
    waiting: str = ""
    trouble: RunnerError | None = None
    wrong: LogError | None = None


class Look:
    """`tail`: what was read, None before there is anything. `notice` is told each trouble once."""

    def __init__(self, watched: Watched, *, ask: Ask, notice: Callable[[str], None], patience: float) -> None:
        self.watched = watched
        self.tail: Tail | None = None
        self._made: Tail | None = None
        self.is_here = source_of(watched.where).directory is not None
        self._ask = at_once if self.is_here else ask
        self._notice = notice
        self._patience = patience
        self._first = -1
        self._alive = True
        self._waiting = ""
        self._broken = ""
        self._given_up = False
        self._asked: Future[_Answer] | None = None
        self._next = self._next_alive = 0.0
        self._failures = 0
        self._failing_since = 0.0
        self._unknown_since = math.inf
        self._told: set[str] = set()

    @property
    def state(self) -> RunState | None:
        return self.tail.state if self.tail is not None else None

    @property
    def is_over(self) -> bool:
        """Nobody will add to its log, or nobody can read what is added."""
        return self.is_broken or not self._alive

    @property
    def is_broken(self) -> bool:
        """What is known of it is not all that there is."""
        return bool(self._broken) or self._given_up

    @property
    def holds(self) -> bool:
        """Nothing is to be told: a living process is about to take up again what looks over, or what was read
        last may be old, and cannot be read anew.
        """
        state = self.state
        if state is None or self._given_up:
            return True
        return self._alive and state.phase in OVER and state.seq == self._first

    @property
    def life(self) -> Life:
        asked_at = self.tail.source.planned_at if self.tail is not None and not self.is_here else 0.0
        if self.is_over:
            return Life(died=True, why=self._broken or GONE, asked_at=asked_at)
        return Life(waiting=self._waiting or self._presumed(), asked_at=asked_at)

    def _presumed(self) -> str:
        """What it waits for where nobody says so, but somebody is said to live."""
        state = self.state
        return UNHEARD if state is not None and not self.is_here and is_awaited(state) else ""

    def look(self, now: float) -> None:
        """Read what is new, if it is time to and the answer is there. Never waits for a store elsewhere."""
        if self.is_over:
            return
        if self._asked is None and now >= self._next:
            self._asked = self._ask(partial(self._question, now >= self._next_alive))
        if self._asked is not None and self._asked.done():
            asked, self._asked = self._asked, None
            self._take(asked, now)

    def _question(self, asks_alive: bool) -> _Answer:
        """In a thread: changes nothing that another reads. What was read so far is not read again."""
        alive, trouble = None, None
        try:
            if asks_alive:
                alive = self.watched.alive()  # asked first: what it wrote before its end is read below
            waiting = self.watched.waiting()
        except RunnerError as error:
            if self.is_here:
                raise
            waiting, trouble = "", error
        try:
            tail = self._made = self._made or Tail(source_of(self.watched.where).again())
        except NotFoundError:
            return _Answer(tail=None, alive=alive, waiting=waiting, trouble=trouble)
        try:
            lines, wrong = tail.source.fresh(), None
        except LogError as error:
            lines, wrong = tail.source.left(), error
        return _Answer(tail=tail, lines=lines, alive=alive, waiting=waiting, trouble=trouble, wrong=wrong)

    def _take(self, asked: Future[_Answer], now: float) -> None:
        try:
            answer = asked.result()
            self._fold(answer, now)
        except StoreError as error:
            self._failed(error, now)
        except RunnerError as error:
            self._broken = _unreadable(error)
            self._say(error)
        else:
            self._failures = 0
            self._next = now if self.is_here else now + source_of(self.watched.where).pace
            self._live(answer, now)

    def _fold(self, answer: _Answer, now: float) -> None:
        begins = self.tail is None
        self.tail = answer.tail
        if self.tail is not None:
            # What is newest is what is shown: one event of next year, and nothing after it ever would be.
            self.tail.fold(answer.lines, latest=math.inf if self.is_here else now + SKEW)
            self._first = self.tail.state.seq if begins else self._first
        if answer.wrong is not None:
            raise answer.wrong

    def _live(self, answer: _Answer, now: float) -> None:
        self._waiting = answer.waiting
        if answer.trouble is not None:
            self._unknown(answer.trouble, now)
        elif answer.alive is not None:
            self._alive, self._unknown_since = answer.alive, math.inf
        if not self.is_here and (answer.alive is not None or answer.trouble is not None):
            self._next_alive = now + ALIVE_EACH
        state = self.state
        if state is not None and state.phase in OVER and answer.lines:
            self._next_alive = now  # whether it goes on is what everybody wants to know now

    def _unknown(self, trouble: RunnerError, now: float) -> None:
        """Where nobody can tell whether it lives its log tells: at once where that has come to its end."""
        self._say(trouble)
        self._unknown_since = min(self._unknown_since, now)
        state = self.state
        if state is not None and state.phase is RunPhase.FINISHED and state.seq > self._first:
            self._alive = False
        elif now - self._unknown_since > self._patience:
            self._alive = self.tail is not None and self.tail.source.is_live()

    def _failed(self, error: StoreError, now: float) -> None:
        """What is busy is asked on and on; what refuses may be put right by somebody while there is time."""
        self._say(error)
        if self.is_here:
            self._broken = GONE
            return
        self._failing_since = self._failing_since if self._failures else now
        self._failures += 1
        self._next = now + pause_after(self._failures)
        if not isinstance(error, StoreBusyError) and now - self._failing_since > self._patience:
            self._given_up = True

    def _say(self, error: RunnerError) -> None:
        if error.message not in self._told:
            self._told.add(error.message)
            self._notice(sentence(error, hint=not self.is_here))


def _unreadable(error: RunnerError) -> str:
    return f"{UNREADABLE}: {sentence(error, hint=False)}"
