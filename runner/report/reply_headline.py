"""The first line of a reply once the runs that it began are over: how they ended, not that they did."""

from __future__ import annotations

from collections.abc import Sequence

from runner.model import Outcome
from runner.report.wording import NOT_GOOD, counted, run_said
from runner.state import RunPhase, RunState

_BEGAN = {"retry": "Ran again", "resume": "Went on", "run": "Ran"}


def outcome_headline(kind: str, states: Sequence[RunState]) -> str:
    """`kind` is the verb of the command. `❌ Ran again, and failed: 1 of 2 jobs`."""
    bad = [state for state in states if state.outcome is not Outcome.SUCCEEDED]
    if len(states) == 1:
        told = f"{_BEGAN[kind]}, and {_ended(states[0])}{_count(states[0]) if bad else ''}"
    elif bad:
        told = f"{_BEGAN[kind]}: {len(bad):,} of {counted(len(states), 'run')} did not succeed"
    else:
        told = f"{_BEGAN[kind]}, and all {counted(len(states), 'run')} succeeded"
    return f"{'❌' if bad else '✅'} {told}"


def _ended(state: RunState) -> str:
    """Nobody works on it any more, whatever its log says last."""
    return run_said(state) if state.phase is RunPhase.FINISHED else "was interrupted"


def _count(state: RunState) -> str:
    """Of the jobs that make it so; an interrupted run may have none."""
    failed = [job for job in state.jobs.values() if job.outcome in NOT_GOOD and not job.job.allow_failure]
    return f": {len(failed):,} of {counted(len(state.jobs), 'job')}" if failed else ""
