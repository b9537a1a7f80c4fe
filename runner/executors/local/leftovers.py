"""What a dead runner left alive: found, and ended, never adopted.

Spawner and slots go first (a slot may be just about to start a job), then the jobs, until a whole look at
the process table finds nothing. Jobs are known by the mark in their environment, and, should they have
cleaned that, by the session that the log says was theirs.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from runner.errors import RunIsLiveError
from runner.executors.local import processes
from runner.executors.local.executor import OWNER_MARK, SPAWNER_MARK

JOB_MARK = "RUNNER_RUN_ID"
_ROUNDS = 50
_GRACE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the log says of an attempt that was running: its leader, and when that started (0: not read)."""

    pid: int
    started: int


def end_leftovers(run_id: str, sessions: Sequence[Session] = ()) -> int:
    """End every process of this run on this machine; how many jobs' processes there were.

    Jobs get TERM and at most two seconds, then KILL. The caller holds the run's lease, so that
    nobody starts new ones. `sessions` are of this boot. Raises RunIsLiveError where the runner that
    started them lives all the same (its lease was removed, or this is a copy of its directory).
    """
    ended: set[int] = set()
    for attempt in range(_ROUNDS):
        spawners = _marked(f"{SPAWNER_MARK}={run_id}")
        _check_dead(run_id, spawners)
        for pid in spawners:
            processes.send(pid, signal.SIGKILL)
        processes.wait_gone(spawners, 1.0)
        jobs = list(dict.fromkeys([*_marked(f"{JOB_MARK}={run_id}"), *_members(sessions)]))
        if not jobs and not spawners:
            break
        ended.update(jobs)
        if attempt == 0:
            _signal_all(jobs, signal.SIGTERM)
            jobs = processes.wait_gone(jobs, _GRACE)
        _signal_all(jobs, signal.SIGKILL)
        processes.wait_gone(jobs, 0.2)
    return len(ended)


def _check_dead(run_id: str, spawners: list[int]) -> None:
    for pid in spawners:
        owner, _, started = _environment(pid).get(OWNER_MARK.encode(), b"").partition(b":")
        if not owner.isdigit() or not started.isdigit():
            continue
        stat = processes.read_stat(int(owner))
        if stat is not None and stat[1] != "Z" and stat[2] == int(started) and int(owner) != os.getpid():
            raise RunIsLiveError(
                f"run {run_id} is live: process {int(owner)} runs it, though this directory's lease is free",
                hint="was its lease removed, or is this a copy of its directory?",
            )


def _signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        processes.send(pid, number)


def _members(sessions: Sequence[Session]) -> list[int]:
    """Living processes of these sessions. A leader with another start time is somebody else's."""
    wanted: set[int] = set()
    for session in sessions:
        stat = processes.read_stat(session.pid)
        if stat is None or (session.started and stat[2] == session.started):
            wanted.add(session.pid)
    return [pid for pid in processes.all_pids() if wanted and processes.session_of(pid) in wanted]


def _marked(mark: str) -> list[int]:
    """Processes other than this one and its ancestors whose environment has this entry."""
    name, _, value = mark.encode().partition(b"=")
    mine = _ancestors(os.getpid())
    return [p for p in processes.all_pids() if p not in mine and _environment(p).get(name) == value]


def _environment(pid: int) -> dict[bytes, bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            entries = file.read().split(b"\0")
    except OSError:
        return {}
    return dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)


def _ancestors(pid: int) -> set[int]:
    found = set()
    while pid and pid not in found:
        found.add(pid)
        stat = processes.read_stat(pid)
        pid = stat[0] if stat else 0
    return found
