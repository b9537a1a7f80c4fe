"""The runs of a checkout or a bucket, each with how it stands: what `runner runs` shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from runner import events as e
from runner.errors import RunnerError
from runner.report.wording import RUN_PHASE, run_word
from runner.runs.on_disk import DirectorySource
from runner.runs.places import Place
from runner.runs.reading import Tail
from runner.runs.source import RunSource
from runner.state import RunPhase, RunState

_AT_ONCE = 8
DIED = "died"
"""The word for a run whose log says that it is live while nobody holds its lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One run. `where`: its directory or URL. `state` is None where it cannot be read; `trouble` says why.

    `lived`: seconds in which a runner lived, over all retries, up to the end of the log; `live` says that one
    lives still.
    """

    run_id: str
    where: str
    word: str
    state: RunState | None = None
    trouble: str = ""
    lived: float = 0.0

    @property
    def live(self) -> bool:
        return self.word == RUN_PHASE[RunPhase.LIVE]

    def took(self, now: float) -> float:
        """`lived`, up to `now` where a runner lives."""
        if self.state is None or not self.live:
            return self.lived
        return self.lived + max(0.0, now - self.state.last_at)


def listed(places: Sequence[Place]) -> list[Listed]:
    """Reads each run's log; one that cannot be read does not hide the others."""
    return [_one(place.run_id, DirectorySource(place.directory)) for place in places]


def listed_sources(sources: Sequence[RunSource], is_alive: Callable[[Tail], bool]) -> list[Listed]:
    """The same for runs in a bucket, several at once. `is_alive`: also where none works on it just now."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="runs") as pool:
        return list(pool.map(lambda one: _one(one.run_id(), one, is_alive), sources))


def _is_live(tail: Tail) -> bool:
    return tail.source.is_live()


def _one(run_id: str, source: RunSource, is_alive: Callable[[Tail], bool] = _is_live) -> Listed:
    try:
        tail = Tail(source)
        lived = lifetime(tail.poll())
        word = standing(tail, is_alive)
    except RunnerError as error:
        return Listed(run_id=run_id, where=str(source), word="unreadable", trouble=error.message)
    return Listed(run_id=run_id, where=str(source), word=word, state=tail.state, lived=lived)


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


def standing(tail: Tail, is_alive: Callable[[Tail], bool] = _is_live) -> str:
    """How a run stands, in a word; the log alone does not know that its runner died."""
    phase = tail.state.phase
    if phase in {RunPhase.LIVE, RunPhase.REQUESTED}:
        return RUN_PHASE[phase] if is_alive(tail) else DIED
    return run_word(tail.state)
