"""Archives into the bucket, each once: the name is the content's hash, so what is there is the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from runner.bundle.archive import Archive
from runner.bundle.order import MachineOrder, from_json, order_name, to_json
from runner.errors import StoreBusyError
from runner.stores.s3 import Bucket
from runner.stores.s3.uploading import Progress, put_file, unseen

_FRESH = 24 * 3600.0
"""Seconds; the lifecycle of a bucket counts in days."""


Shown = Callable[[str, int], AbstractContextManager[Progress]]
"""Shows somebody how far it is, of something so many bytes large."""


def unshown(_what: str, _size: int) -> AbstractContextManager[Progress]:
    return nullcontext(unseen)


def send(bucket: Bucket, archive: Archive, what: str = "", shown: Shown = unshown) -> bool:
    """Keep it below the account's prefix, which `bucket` is; False where it was there. Raises StoreError.

    What lies there for long is sent again: a bucket may forget what is old, and a machine needs it soon.
    """
    there = [listed for listed in bucket.names(archive.name) if listed.size == archive.size]
    if any(bucket.now() - listed.modified < _FRESH for listed in there):
        return False
    with shown(f"sending {what}", archive.size) as progress:
        put_file(bucket, archive.name, archive.path, progress)
    return True


def give_order(run: Bucket, order: MachineOrder, generation: int) -> MachineOrder:
    """Write the order of a generation below its run's place, before its machine is asked for.

    The one that counts: whoever was here first has written it. Raises StoreError, LogError.
    """
    name = order_name(generation)
    if run.create(name, to_json(order)):
        return order
    found = run.get(name)
    if found is None:
        raise StoreBusyError(f"{name} is there and is not", hint="try again")
    return from_json(found.body, name)
