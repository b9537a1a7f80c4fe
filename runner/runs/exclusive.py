"""Groups of runs of which one may live (`concurrency`), among the runs of one checkout.

A lock of the system, held from before a run's first event to its end. It dies with its process, so nobody has
to find out whether a holder still lives; what its file says is for people, and for `cancel`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.errors import RefusedError, RunIsLiveError, RunnerError
from runner.model import Queue
from runner.problems import shorten
from runner.runs.places import HOME
from runner.runs.reading import read
from runner.stores import directory as stores
from runner.stores.disk import trouble

LEASES = "leases"
_EVERY = 0.2
"""Seconds between two tries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A run that is about to begin, or to go on. `inside`: the run whose job starts it, "" for none."""

    run_id: str
    directory: Path
    checkout: Path
    queue: Queue
    inside: str = ""


@contextlib.contextmanager
def turn(one: Candidate, holder: Mapping[str, object], notice: Callable[[str], None]) -> Iterator[None]:
    """Hold the group of this run, as its queue's policy says. `holder` says who holds it.

    Raises RunIsLiveError under `reject`, RefusedError for a run that would wait for itself, StoreError.
    """
    path = one.checkout / HOME / LEASES / _name(one.queue.group)
    body = {**holder, "directory": str(one.directory), "group": one.queue.group}
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            stack.callback(os.close, lock)
            if _wait(one, lock, notice):
                os.ftruncate(lock, 0)
                os.pwrite(lock, json.dumps(body).encode(), 0)
        except OSError as error:
            raise trouble("lock", path, error) from error
        yield


def _wait(one: Candidate, lock: int, notice: Callable[[str], None]) -> bool:
    """Until the lock is ours. False for a part of the run that holds it, which goes on without."""
    told: dict[str, Any] = {}
    while not _locked(lock):
        found = _holder(lock)
        if found.get("run_id") == one.run_id:
            if found == told:  # seen twice: in the first moment it may be of the holder before
                raise _is_itself(found)
            told = found
            time.sleep(_EVERY)
            continue
        if one.inside and found.get("run_id") == one.inside:
            if one.queue.concurrency_group or one.queue.concurrency_policy != "wait":
                raise _waits_for_itself(one)
            return False  # nobody asked for a group: a job that runs its own queue again does so on purpose
        if one.queue.concurrency_policy == "reject" and found:
            raise _rejected(one, found)
        if found and found != told:
            notice(_sentence(one, found))
            told = found
        if one.queue.concurrency_policy == "cancel" and found:
            _cancel(one, found)
        time.sleep(_EVERY)
    return True


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock: int) -> dict[str, Any]:
    """Nothing in the moment in which a new holder writes who it is."""
    try:
        found = json.loads(os.pread(lock, 1 << 16, 0))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _cancel(one: Candidate, found: Mapping[str, Any]) -> None:
    """Once for each holder: a second request would end the cleanup, too. Only while it can be asked.

    What the lock's file says may be of the holder before: nothing is left behind in a run that is over.
    """
    place = Path(str(found.get("directory", "")))
    name = f"concurrency-{found.get('pid')}-{found.get('since')}"
    with contextlib.suppress(RunnerError):  # it is not there yet, or no more: the next look will tell
        _, state = read(place)
        if stores.is_live(place) and not state.cancels and name not in state.requests:
            asked = {"type": "cancel", "job_ids": [], "by": f"run {one.run_id} of its group"}
            stores.request(place, asked, name)


def _sentence(one: Candidate, found: Mapping[str, Any]) -> str:
    ends = ", which is cancelled" if one.queue.concurrency_policy == "cancel" else ""
    return (
        f"waiting for run {found.get('run_id')}{ends} ({stores.describe(found)}): runs of the group "
        f"{shorten(one.queue.group)} go one after the other, unless `concurrency.group` tells them apart"
    )


def _rejected(one: Candidate, found: Mapping[str, Any]) -> RunIsLiveError:
    return RunIsLiveError(
        f"run {found.get('run_id')} of the group {shorten(one.queue.group)} is live "
        f"({stores.describe(found)}), and `concurrency.policy` is reject",
        hint=f"`runner status --watch {found.get('run_id')}` follows it; nothing has started",
    )


def _is_itself(found: Mapping[str, Any]) -> RunIsLiveError:
    """A directory that was copied, or whose lease was removed."""
    return RunIsLiveError(
        f"run {found.get('run_id')} is live: {stores.describe(found)} has it, in {found.get('directory')}",
        hint=f"`runner status --watch {found.get('directory')}` follows it",
    )


def _waits_for_itself(one: Candidate) -> RefusedError:
    return RefusedError(
        f"run {one.inside} has the group {shorten(one.queue.group)}, and this run is started by a job of it: "
        "they would wait for each other for ever",
        hint="give one of the two queues another `concurrency.group`",
    )


def _name(group: str) -> str:
    """Readable, and different for different groups."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", group)[:60]
    return f"{readable}-{hashlib.sha256(group.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
