"""How a run stands, from its log and from what is known beside it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runner.state import RunPhase, RunState

OVER = frozenset({RunPhase.FINISHED, RunPhase.INTERRUPTED})
GONE = "its runner is gone"
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


def as_it_stands(state: RunState, life: Life = LIVES) -> RunState:
    """The state as it is shown: a run whose process died is interrupted, though its log does not say so.

    That nobody could log it makes it no less an event: it is one microsecond newer than the newest one, so
    that it replaces what was shown before. In the same way a run that waits for its next machine is a little
    older than its interruption, which replaces that where no machine comes.
    """
    last_at = max(state.last_at, life.asked_at)
    if life.died:
        return state if state.phase in OVER else _interrupted(state, life.why, last_at + _LEAST)
    if life.waiting and state.seq:
        return _waiting(state)
    if not state.seq and life.asked_at:
        return replace(state, requested_at=life.asked_at, last_at=last_at)
    return state


def _waiting(state: RunState) -> RunState:
    """For its next machine."""
    before = _LEAST if state.phase is RunPhase.INTERRUPTED else 0.0
    active = state.elapsed(state.last_at)
    return replace(state, phase=RunPhase.REQUESTED, active=active, last_at=state.last_at - before)


def _interrupted(state: RunState, why: str, at: float) -> RunState:
    active = state.elapsed(state.last_at)
    return replace(state, phase=RunPhase.INTERRUPTED, interrupted=why, active=active, last_at=at)
