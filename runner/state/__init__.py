"""The folded state of a run: its records, and the one table and function that change them."""

from runner.state.fold import TRANSITIONS, apply, fold
from runner.state.records import CLOSED, AttemptState, JobState, MachineState, Phase, RunPhase, RunState

__all__ = [
    "CLOSED",
    "TRANSITIONS",
    "AttemptState",
    "JobState",
    "MachineState",
    "Phase",
    "RunPhase",
    "RunState",
    "apply",
    "fold",
]
