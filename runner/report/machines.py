"""What is said of a run's machines: the one it waits for, those it went through, why none is left."""

from __future__ import annotations

from collections.abc import Iterator

from runner.model import Plan
from runner.report import clean
from runner.report.commands import COMMENT
from runner.report.escaping import code
from runner.report.machine_costs import life, together
from runner.report.markdown_top import interrupted_in_words
from runner.state import MachineState, RunPhase, RunState

UNREADABLE = "its log cannot be read any further"
"""How the reason begins for which a run is not followed to its end."""
_SHOWN = 5
_REASON = 400


def waits_for(state: RunState, words: str) -> str:
    """For a status: without what changes all the time, which comes after the first comma of `words`."""
    head = clean.line(words, 300).partition(",")[0]
    which = "its machine" if _is_first(state) else "another machine"
    return f"Waiting for {which}: {head}" if head else f"Waiting for {which}"


def waits_in_full(state: RunState, words: str) -> str:
    """The same for a comment."""
    return f"Waits for {'its' if _is_first(state) else 'another'} machine: {code(words, limit=_REASON)}"


def waiting_headline(plan: Plan, state: RunState) -> str:
    title = code(plan.queue.queue_name) or code(plan.queue.queue_id)
    return f"{title} waits for {'its' if _is_first(state) else 'another'} machine"


def course(state: RunState) -> str:
    """A line on what the machines did to the run, "" where that is nothing to speak of."""
    if state.phase is RunPhase.INTERRUPTED and (state.machines or state.interrupted.startswith(UNREADABLE)):
        return f"Interrupted: {code(state.interrupted, limit=_REASON)}"
    if not state.machines:
        return ""
    *before, last = state.machines
    if last.lost:
        which = f"{_name(last)}: " if last.instance_id else ""
        return f"No machine works on it any more. {which}{code(last.lost, limit=_REASON)}"
    why = last.because or (before[-1].lost if before else "")
    if not why:
        return ""
    after = f"after {_name(before[-1])} was lost" if before else "and not on the first one that was asked for"
    return f"It {'went on with' if before else 'runs on'} {_name(last)} {after}: {code(why, limit=_REASON)}"


def cut_off_words(state: RunState) -> str:
    """Why a run of a workflow is not shown to its end, and what to do: see `interrupted_in_words`."""
    if state.machines and not state.interrupted.startswith(UNREADABLE):
        kept = "Finished jobs are kept; the others start again from their beginning, on another machine."
        return f"{kept}\n\n{COMMENT.asked_for('go on with it', COMMENT.resume(state.run_id))}"
    if not state.interrupted.startswith(UNREADABLE):
        return interrupted_in_words(state.run_id)
    return (
        "Something other than runner wrote into its log. What is shown is what came before that; whether "
        "the run goes on is not known. Look at what its jobs may write to, then run the queue again."
    )


def machine_facts(state: RunState, now: float | None = None) -> Iterator[str]:
    """A line a machine, the newest ones. `now`: say too how long each lived and what it cost so far."""
    machines = [machine for machine in state.machines if machine.instance_id]  # the others never came
    hidden = len(machines) - _SHOWN
    if hidden > 0:
        yield f"{hidden:,} earlier machines"
    for machine in machines[-_SHOWN:]:
        said = [code(machine.type), "spot" if machine.spot else "", code(machine.zone or machine.region)]
        kind = ", ".join(filter(None, said))
        cost = f": {life(machine, now, code)}" if now is not None else ""
        yield f"Machine {_name(machine)}" + (f" ({kind})" if kind else "") + cost
    if now is not None and len(state.machines) > 1:
        yield f"Together {together(state.machines, now, code)}"


def _is_first(state: RunState) -> bool:
    return not state.machines and not state.started_at


def _name(machine: MachineState) -> str:
    return code(machine.instance_id, limit=60) or "a machine without a name"
