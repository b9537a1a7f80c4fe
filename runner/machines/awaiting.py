"""Finds the machine that a run waits for, in the run's own place: nothing is asked of the cloud."""

from __future__ import annotations

from runner.canonical.machine import ttl_of
from runner.launching.ledger import claimed_by, log_generation, records
from runner.machines.facts import newest_generation
from runner.machines.standing import BOOTING
from runner.model import Plan
from runner.report import clean
from runner.report.awaited import Awaited
from runner.runs.in_bucket import BucketSource
from runner.stores.s3 import Bucket

_LONGEST = 60


def awaited(source: BucketSource, plan: Plan) -> Awaited | None:
    """None for a run that waits for no machine. `source` is one whose log was read.

    Raises StoreError; LogError for what no launcher writes.
    """
    run = source.bucket
    generation = newest_generation(run)
    has_spoken = source.log_generation >= log_generation(max(1, generation))
    if has_spoken or (not generation and plan.queue.machine.provider == "local"):
        return None
    return _asked(run, generation, plan)


def _asked(run: Bucket, generation: int, plan: Plan) -> Awaited:
    launched = records(run, generation) if generation else ()
    if not launched:
        return Awaited(generation=generation, now=run.now())
    last = launched[-1]
    return Awaited(
        generation=generation,
        now=run.now(),
        type=clean.line(last.request.type, _LONGEST),
        spot=last.request.spot,
        instance_id=clean.line(claimed_by(run, generation), _LONGEST),
        asked_at=last.modified,
        ends_by=last.modified + ttl_of(plan.queue.machine),
        is_late=run.now() - last.modified > BOOTING,
    )
