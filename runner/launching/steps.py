"""What a launcher does next: the law by which a generation of a run gets one machine. Pure.

1. Before anything is asked for, the complete request is in the ledger (`Put`): who comes after a crash asks
   for the same, to the byte, and gets the same machine.
2. Before each request, a look for a machine that is there already (`Look`).
3. A next request only after the one before definitely gave nothing; what was in doubt once counts as definite
   only after the time in which a launch becomes visible.
4. Should two machines come of it all the same, the agents' claim decides: the one that loses shuts down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from runner.errors import CapacityError, CloudBusyError, CloudError, CloudRefusedError, CloudUnsureError
from runner.launching.ledger import Record
from runner.launching.naming import LAUNCH, number_of
from runner.ports import Instance, LaunchRequest

SETTLES = 60.0
"""Seconds after which every launch can be seen in the cloud."""
PAUSES = (2.0, 5.0, 10.0, 20.0, 30.0)
"""Seconds before each further try of one request."""
REPLAYABLE = 12 * 3600.0
"""Seconds for which a request may be repeated: half the time that the cloud is known to keep tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One generation's machine. `requests`: the k-th is that of launch k; there is at least one."""

    run_id: str
    generation: int
    requests: Sequence[LaunchRequest]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a launcher knows. `found`: what a look gave, None where it has to look (again).

    `error`, `tries`, `doubted` are about the newest record, by this launcher alone.
    """

    records: tuple[Record, ...] = ()
    claim: str = ""
    found: tuple[Instance, ...] | None = None
    launched: Instance | None = None
    error: CloudError | None = None
    tries: int = 0
    doubted: bool = False
    now: float = 0.0


@dataclass(frozen=True, slots=True)
class Put:
    record: Record


@dataclass(frozen=True, slots=True)
class Look:
    """Read the ledger and look for machines, not before `after` seconds."""

    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Ask:
    record: Record


@dataclass(frozen=True, slots=True)
class Done:
    """`instance` None: it has claimed the run, and nobody looked at it."""

    instance_id: str
    instance: Instance | None = None


@dataclass(frozen=True, slots=True)
class Fail:
    error: CloudError


Step: TypeAlias = Put | Look | Ask | Done | Fail


def next_step(seen: Seen, wanted: Wanted) -> Step:
    if not seen.records:
        return Put(Record(generation=wanted.generation, number=1, request=wanted.requests[0]))
    if seen.claim:  # one without a record is none of a machine that was asked for
        return Done(seen.claim, _known(seen, seen.claim))
    if seen.found is None and seen.launched is None:
        return Look(_pause(seen))
    there = _machine(seen)
    if there is None:
        return _without(seen, wanted)
    if there.is_gone and there.ended == "capacity":
        return _next_record(seen, wanted, there.reason)
    return Done(there.id, there)


def _without(seen: Seen, wanted: Wanted) -> Step:
    """The newest record has no machine, as far as anybody can see."""
    error = seen.error
    if isinstance(error, CapacityError):
        return _next_record(seen, wanted, error.message)
    may_ask = isinstance(error, CloudBusyError | CloudUnsureError) and seen.tries <= len(PAUSES)
    return _ask(seen, wanted) if error is None or may_ask else Fail(error)


def heard(seen: Seen, error: CloudError) -> Seen:
    """After a request was answered by an error. All but a plain, definite one ask for another look."""
    doubted = seen.doubted or isinstance(error, CloudUnsureError)
    again = doubted or isinstance(error, CloudBusyError)
    return replace(
        seen, error=error, tries=seen.tries + 1, doubted=doubted, found=None if again else seen.found
    )


def looked(seen: Seen, fresh: Seen) -> Seen:
    """`fresh`: the ledger and the cloud as they are now. What is about an older record is forgotten."""
    if len(fresh.records) > len(seen.records):
        return fresh
    return replace(fresh, error=seen.error, tries=seen.tries, doubted=seen.doubted)


def _pause(seen: Seen) -> float:
    if seen.error is None:
        return 0.0
    if isinstance(seen.error, CapacityError | CloudRefusedError):
        return SETTLES  # definite by itself; but a try before it was not
    return PAUSES[min(seen.tries, len(PAUSES)) - 1]


def _machine(seen: Seen) -> Instance | None:
    """The generation's machine: one that lives, else the newest launch's, if it was there and ended."""
    if seen.launched is not None:
        return seen.launched
    found = seen.found or ()
    living = [one for one in found if not one.is_gone]
    newest = [one for one in found if number_of(one, LAUNCH) == len(seen.records)]
    return next(iter([*living, *newest]), None)


def _known(seen: Seen, instance_id: str) -> Instance | None:
    return next((one for one in seen.found or () if one.id == instance_id), None)


def _ask(seen: Seen, wanted: Wanted) -> Step:
    newest = seen.records[-1]
    if seen.now - newest.modified <= REPLAYABLE:
        return Ask(newest)
    return Fail(
        CloudError(
            f"generation {wanted.generation} of run {wanted.run_id} asked for a machine more than 12 hours "
            "ago, and none came",
            hint="its request is too old to be repeated safely; the run goes on with a new generation",
        )
    )


def _next_record(seen: Seen, wanted: Wanted, because: str) -> Step:
    number = len(seen.records) + 1
    if number <= len(wanted.requests):
        request = wanted.requests[number - 1]
        return Put(Record(generation=wanted.generation, number=number, request=request, because=because))
    if isinstance(seen.error, CapacityError):
        return Fail(_none_left(seen, seen.error))
    return Fail(CapacityError(f"no machine is to be had: {because}", hint="try again later"))


def _none_left(seen: Seen, last: CapacityError) -> CapacityError:
    reasons = [record.because for record in seen.records if record.because] + [last.message]
    if len(reasons) == 1:
        return last
    listed = "; ".join(dict.fromkeys(reasons))
    return CapacityError(f"none of {len(reasons)} machines is to be had: {listed}", hint=last.hint)
