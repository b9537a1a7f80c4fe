"""Whether somebody runs a run that is looked at: its own log tells, or the machine that it waits for."""

from __future__ import annotations

from runner.model import Plan
from runner.report.awaited import Awaited
from runner.runs.reading import Tail
from runner.runs.source import RunSource
from runner.state import RunPhase


def is_alive(tail: Tail) -> bool:
    """Also for one that is to go on, though its log ends: a machine is on its way to it, or there already.

    What runs here still has its lease for a moment after its last word.
    """
    is_here = tail.source.directory is not None
    if tail.source.is_live() and not (is_here and tail.state.phase is RunPhase.FINISHED):
        return True
    machine = awaited_machine(tail.source, tail.plan)
    return machine is not None and not machine.is_late


def awaited_machine(source: RunSource, plan: Plan) -> Awaited | None:
    """The machine that a run in the cloud waits for. `source` is one whose log was read."""
    if source.directory is not None:
        return None
    # Imported here: the SDK takes longer to load than a run on this machine to be shown.
    from runner.machines.awaiting import awaited  # noqa: PLC0415
    from runner.runs.in_bucket import BucketSource  # noqa: PLC0415

    return awaited(source, plan) if isinstance(source, BucketSource) else None
