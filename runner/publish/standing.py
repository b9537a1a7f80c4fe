"""How a run stands, from its log and from what is known beside it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runner.state import RunPhase, RunState

OVER = frozenset({RunPhase.FINISHED, RunPhase.INTERRUPTED})
GONE = "its runner is gone"
UNHEARD = "it has said nothing yet"
_LEAST = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What the log of a run does not say. `died`: nobody runs it (any more), and `why`, in words.

    `waiting`: what it waits for, in words, where nobody runs it yet, or not again yet, and somebody will.
    `asked_at`: when it was asked for, seconds since the epoch; 0 where that is not known.
    """

    died: bool = False
    why: str = GONE
    waiting: str = ""
    asked_at: float = 0.0


LIVES = Life()


def is_awaited(state: RunState) -> bool:
    """Whether a run on which somebody is said to work waits for its machine, though nobody says so."""
    return not state.seq or state.phase is RunPhase.INTERRUPTED


def as_it_stands(state: RunState, life: Life = LIVES) -> RunState:
    """The state as it is shown: a run whose process died is interrupted, though its log does not say so.

    What replaces what goes by the time of the newest event, so what no event says gets a time too. That a
    runner died comes a microsecond after the last word of its log. That a run waits for its next machine
    comes a microsecond before its interruption, which replaces it where no machine comes. And nothing comes
    before the run was asked for, whatever the clock of its machine says.
    """
    if not state.seq and life.asked_at:
        state = replace(state, requested_at=life.asked_at)
    state = _after(state, life.asked_at)
    if life.died and state.phase not in OVER:
        return _stopped(state, RunPhase.INTERRUPTED, life.why, _LEAST)
    if life.waiting and state.seq and not life.died:
        before = -_LEAST if state.phase is RunPhase.INTERRUPTED else 0.0
        return _stopped(state, RunPhase.REQUESTED, "", before)
    return state


def _after(state: RunState, asked_at: float) -> RunState:
    """Events of a clock that goes behind still come one after the other."""
    least = asked_at + 2 * _LEAST * state.seq
    return state if not asked_at or state.last_at >= least else replace(state, last_at=least)


def _stopped(state: RunState, phase: RunPhase, why: str, later: float) -> RunState:
    active = state.elapsed(state.last_at)
    return replace(state, phase=phase, interrupted=why, active=active, last_at=state.last_at + later)
