"""Groups of runs of which one may live (`concurrency`): a lease names a run, not a time.

It is free once that run is over, whoever notices: there is no clock in it that could be wrong, and a holder
that is slow does not lose it. The runs that wait stand in the same object, in order of arrival, and whoever
finds the lease free gives it to the first of them that is not over: also where that is another run, which
finds it when it looks. Two who write at once race by the object's version.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from runner.errors import StoreBusyError
from runner.stores.s3.objects import Objects

_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`run_id` has the group, "" for nobody; `waiting` want it, the first of them next."""

    group: str
    run_id: str = ""
    waiting: tuple[str, ...] = ()

    def before(self, run_id: str) -> tuple[str, ...]:
        """The holder, and those that wait and come before `run_id`: all of them where it is not in line."""
        at = self.waiting.index(run_id) if run_id in self.waiting else len(self.waiting)
        return (self.run_id, *self.waiting[:at])


def acquire(
    objects: Objects, group: str, run_id: str, is_over: Callable[[str], bool], *, waits: bool = True
) -> Line:
    """The group's line afterwards: `run_id` has it, or has its place among those that wait.

    `is_over` answers for another run: its log has ended, or its machine is terminated. `waits`: whether it
    wants a place; one that does not is never put before those that do. Safe to repeat. Raises StoreError.
    """
    name = lease_name(group)
    for _ in range(_TRIES):
        found = objects.get(name)
        line = _decoded(group, found.body) if found is not None else Line(group=group)
        after = _step(line, run_id, is_over, waits=waits)
        is_kept = after == line and found is not None
        if is_kept or objects.replace(name, _encoded(after), found.etag if found is not None else "", {}):
            return after
    raise StoreBusyError(f"the lease of {group} changes hands too often", hint="try again")


def _step(line: Line, run_id: str, is_over: Callable[[str], bool], *, waits: bool) -> Line:
    if line.run_id == run_id and (waits or not line.waiting):
        return line
    if line.run_id not in ("", run_id) and not is_over(line.run_id):
        stays = not waits or run_id in line.waiting
        return line if stays else replace(line, waiting=(*line.waiting, run_id))
    for number, one in enumerate(line.waiting):
        if one == run_id or not is_over(one):
            left = tuple(other for other in line.waiting[number + 1 :] if other != run_id)
            own = (run_id,) if waits and one != run_id else ()
            return replace(line, run_id=one, waiting=(*left, *own))
    return Line(group=line.group, run_id=run_id)


def lease_name(group: str) -> str:
    """Readable, and different for different groups."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", group)[:60]
    return f"leases/{readable}-{hashlib.sha256(group.encode()).hexdigest()[:12]}.json"


def _encoded(line: Line) -> bytes:
    return json.dumps(asdict(line)).encode()


def _decoded(group: str, body: bytes) -> Line:
    """Nobody holds it where what is there is none of ours."""
    try:
        form = json.loads(body)
        waiting = tuple(str(one) for one in form.get("waiting", ()))
        return Line(group=group, run_id=str(form["run_id"]), waiting=waiting)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Line(group=group)
