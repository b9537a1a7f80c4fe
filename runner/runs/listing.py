"""The runs of a checkout, each with how it stands: what `runner runs` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.errors import RunnerError
from runner.report.wording import RUN_PHASE, run_word
from runner.runs.places import Place
from runner.runs.reading import read
from runner.state import RunPhase, RunState
from runner.stores.directory import is_live

DIED = "died"
"""The word for a run whose log says that it is live while nobody holds its lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One run. `state` is None where its directory cannot be read, and `trouble` says why."""

    place: Place
    word: str
    state: RunState | None = None
    trouble: str = ""


def listed(places: Sequence[Place]) -> list[Listed]:
    """Reads each run's log; one that cannot be read does not hide the others."""
    return [_one(place) for place in places]


def _one(place: Place) -> Listed:
    try:
        _, state = read(place.directory)
    except RunnerError as error:
        return Listed(place=place, word="unreadable", trouble=error.message)
    return Listed(place=place, word=standing(place, state), state=state)


def standing(place: Place, state: RunState) -> str:
    """How a run stands, in a word; the log alone does not know that its runner died."""
    if state.phase in {RunPhase.LIVE, RunPhase.REQUESTED}:
        return RUN_PHASE[RunPhase.LIVE] if is_live(place.directory) else DIED
    return run_word(state)
