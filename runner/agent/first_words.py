"""What a machine says in the log before its first job: who asked for the run, and which machine has it."""

from __future__ import annotations

from dataclasses import dataclass

from runner import events as e
from runner.agent.patience import Patience
from runner.bundle.order import MachineOrder, from_json, order_name
from runner.errors import NotFoundError
from runner.model import Plan
from runner.stores.s3 import Bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An order, and when it was written: seconds since the epoch, by the bucket's clock."""

    order: MachineOrder
    at: float


def given(run: Bucket, generation: int) -> Given:
    """What a generation was told to do. Raises StoreError, NotFoundError."""
    found = _given(run, generation)
    if found is None:
        name = run.where.below(order_name(generation))
        raise NotFoundError(f"there is no {name}", hint="launch the run again")
    return found


def _given(run: Bucket, generation: int) -> Given | None:
    name = order_name(generation)
    found = run.get(name)
    return None if found is None else Given(order=from_json(found.body, name), at=found.modified)


def requested(run: Bucket, plan: Plan, ours: Given, patience: Patience) -> e.RunRequested:
    """A log's first line. The run was asked for by its first order, also if that one's machine never came."""
    first = patience.ask(lambda: _given(run, 1)) or ours
    return e.RunRequested(at=first.at, queue_id=plan.queue.queue_id, digest=plan.digest, by=first.order.by)
