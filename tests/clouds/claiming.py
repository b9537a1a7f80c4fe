"""What a machine does before anything else."""

from __future__ import annotations

from runner.errors import RunIsLiveError
from runner.launching.ledger import claim_name, holder
from runner.stores.s3 import Objects, S3Store


def claim(objects: Objects, generation: int, instance_id: str) -> bool:
    """Whether the machine has the generation of the run whose own place these are."""
    store = S3Store(objects, "run", upload=lambda _name, _file: None, claim=claim_name(generation))
    try:
        store.lease(holder(instance_id))
    except RunIsLiveError:
        return False
    return True
