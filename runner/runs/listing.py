"""The runs of a checkout, each with how it stands: what `runner runs` shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runner import events as e
from runner.errors import RunnerError
from runner.report.wording import RUN_PHASE, run_word
from runner.runs.places import Place
from runner.runs.reading import Tail
from runner.state import RunPhase, RunState
from runner.stores.directory import is_live

DIED = "died"
"""The word for a run whose log says that it is live while nobody holds its lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One run. `state` is None where its directory cannot be read, and `trouble` says why.

    `lived`: seconds in which a runner lived, over all retries, up to the end of the log; `live` says that one
    lives still.
    """

    place: Place
    word: str
    state: RunState | None = None
    trouble: str = ""
    lived: float = 0.0

    @property
    def live(self) -> bool:
        return self.word == RUN_PHASE[RunPhase.LIVE]

    def took(self, now: float) -> float:
        """`lived`, up to `now` where a runner lives."""
        return self.lived + (max(0.0, now - self.state.last_at) if self.live and self.state else 0.0)


def listed(places: Sequence[Place]) -> list[Listed]:
    """Reads each run's log; one that cannot be read does not hide the others."""
    return [_one(place) for place in places]


def _one(place: Place) -> Listed:
    try:
        tail = Tail(place.directory)
        lived = lifetime(tail.poll())
    except RunnerError as error:
        return Listed(place=place, word="unreadable", trouble=error.message)
    return Listed(place=place, word=standing(place, tail.state), state=tail.state, lived=lived)


def lifetime(log: Iterable[e.Event]) -> float:
    """Seconds in which a runner lived, by a log: from each start to the last word before the next."""
    total, since, last = 0.0, None, 0.0
    for event in log:
        if isinstance(event, e.RunStarted | e.RunResumed):
            total += last - since if since is not None else 0.0
            since = last = event.at
        last = max(last, event.at)
        if isinstance(event, e.RunInterrupted | e.RunFinished) and since is not None:
            total, since = total + last - since, None
    return total + (last - since if since is not None else 0.0)


def standing(place: Place, state: RunState) -> str:
    """How a run stands, in a word; the log alone does not know that its runner died."""
    if state.phase in {RunPhase.LIVE, RunPhase.REQUESTED}:
        return RUN_PHASE[RunPhase.LIVE] if is_live(place.directory) else DIED
    return run_word(state)
