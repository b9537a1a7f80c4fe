"""Groups of runs of which one may live (`concurrency`): a lease names a run, not a time.

It is free once that run is over, whoever notices: there is no clock in it that could be wrong, and a holder
that is slow does not lose it. Two who find it free race by the object's version; one gets it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable

from runner.errors import StoreBusyError
from runner.stores.s3.objects import Found, Objects

_TRIES = 20


def acquire(objects: Objects, group: str, run_id: str, is_over: Callable[[str], bool]) -> str:
    """The run that holds the group now: `run_id` itself, or the one to wait for.

    `is_over` answers for the present holder: its log has ended, or its machine is terminated. Safe to repeat.
    """
    name, body = lease_name(group), json.dumps({"group": group, "run_id": run_id}).encode()
    for _ in range(_TRIES):
        found = objects.get(name)
        holder = holder_of(found) if found is not None else ""
        if found is not None and (holder == run_id or (holder and not is_over(holder))):
            return holder
        if objects.replace(name, body, found.etag if found is not None else "", {}):
            return run_id
    raise StoreBusyError(f"the lease of {group} changes hands too often", hint="try again")


def release(objects: Objects, group: str, run_id: str) -> None:
    """Let the next one have it. Does nothing where another run holds it."""
    found = objects.get(lease_name(group))
    if found is not None and holder_of(found) == run_id:
        free = json.dumps({"group": group, "run_id": ""}).encode()
        objects.replace(lease_name(group), free, found.etag, {})


def lease_name(group: str) -> str:
    """Readable, and different for different groups."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", group)[:60]
    return f"leases/{readable}-{hashlib.sha256(group.encode()).hexdigest()[:12]}.json"


def holder_of(found: Found) -> str:
    """ "" where nobody holds it, or what is there is none of ours."""
    try:
        return str(json.loads(found.body)["run_id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
