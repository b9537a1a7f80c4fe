"""What a machine says in the log before its first job: who asked for the run, which machine has it, and how
it came to be there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from runner import events as e
from runner.agent.about import About
from runner.agent.patience import Patience
from runner.bundle.order import MachineOrder, from_json, order_name
from runner.errors import LogError, NotFoundError, StoreError
from runner.events import microseconds
from runner.launching.console import phases
from runner.launching.ledger import Ledger, records
from runner.model import Plan
from runner.state import RunState
from runner.stores.s3 import Bucket

BOOT_LOG = "boot.log"
"""Where the boot tells of itself, in the agent's home."""
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An order, and when it was written: seconds since the epoch, by the bucket's clock.

    `since`: when somebody asked for a retry; what was asked of the run before is over with it. 0 for none.
    """

    order: MachineOrder
    at: float
    since: float = 0.0


def given(run: Bucket, generation: int) -> Given:
    """What a generation was told to do. Raises StoreError, NotFoundError."""
    found = _given(run, generation)
    if found is None:
        name = run.where.below(order_name(generation))
        raise NotFoundError(f"there is no {name}", hint="launch the run again")
    return replace(found, since=_retried_at(run, generation, found))


def _retried_at(run: Bucket, generation: int, ours: Given) -> float:
    """An order that was only given again, for want of a machine, says why."""
    asked: Given | None = ours
    while asked is not None and asked.order.action == "retry":
        if not asked.order.because:
            return asked.at
        generation -= 1
        asked = _given(run, generation)
    return 0.0


def _given(run: Bucket, generation: int) -> Given | None:
    name = order_name(generation)
    found = run.get(name)
    return None if found is None else Given(order=from_json(found.body, name), at=found.modified)


def requested(run: Bucket, plan: Plan, ours: Given, patience: Patience) -> e.RunRequested:
    """A log's first line. The run was asked for by its first order, also if that one's machine never came."""
    first = patience.ask(lambda: _given(run, 1)) or ours
    return e.RunRequested(at=first.at, queue_id=plan.queue.queue_id, digest=plan.digest, by=first.order.by)


def before(order: MachineOrder, state: RunState) -> list[e.Event]:
    """Of machines that had the run, or were to have it, and never came so far as to say so."""
    known = {machine.instance_id for machine in state.machines}
    return [word for one in order.unheard if one.instance_id not in known for word in one.words()]


def launched(about: About, order: MachineOrder, generation: int, now: float) -> e.InstanceLaunched:
    return e.InstanceLaunched(
        at=now,
        instance_id=about.instance_id,
        generation=generation,
        machine_type=about.type,
        region=about.region,
        zone=about.zone,
        spot=about.spot,
        launched_at=microseconds(about.since),
        price=order.prices.get(about.type, 0.0),
        image=about.image,
        because=order.because,
    )


def booted(run: Ledger, generation: int, about: About, boot_log: Path) -> list[e.BootPhase]:
    """The phases of its boot that are known, in order. What cannot be read is left out: it stops no run."""
    said = [(phase.at, phase.name, phase.text) for phase in phases(_end(boot_log)) if phase.name != "off"]
    if about.since:
        said.insert(0, (about.since, "running", f"{about.instance_id} in {about.zone or about.region}"))
    try:
        asked = records(run, generation)
    except (StoreError, LogError):
        asked = ()
    if asked:
        text = f"a machine of type {asked[-1].request.type}"
        tries = f", after {len(asked) - 1} that were not to be had" if len(asked) > 1 else ""
        said.insert(0, (asked[0].modified, "requested", text + tries))
    return [e.BootPhase(at=microseconds(at), name=name, text=text) for at, name, text in said]


def _end(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LARGEST))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
