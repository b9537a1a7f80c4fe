"""What a dead runner left alive: found by the marks in the environment, and ended, never adopted.

Spawner and slots go first (a slot may be just about to start a job), then the jobs, until a whole look at
the process table finds nothing.
"""

from __future__ import annotations

import os
import signal

from runner.executors.local import processes
from runner.executors.local.executor import SPAWNER_MARK

JOB_MARK = "RUNNER_RUN_ID"
_ROUNDS = 50


def end_leftovers(run_id: str, grace: float = 2.0) -> int:
    """End every process of this run on this machine; how many jobs' processes there were.

    Jobs get TERM and at most `grace` seconds, then KILL. The caller holds the run's lease, so that
    nobody starts new ones.
    """
    ended: set[int] = set()
    for attempt in range(_ROUNDS):
        spawners = _marked(f"{SPAWNER_MARK}={run_id}")
        for pid in spawners:
            processes.send(pid, signal.SIGKILL)
        processes.wait_gone(spawners, 1.0)
        jobs = _marked(f"{JOB_MARK}={run_id}")
        if not jobs and not spawners:
            break
        ended.update(jobs)
        if attempt == 0:
            _signal_all(jobs, signal.SIGTERM)
            jobs = processes.wait_gone(jobs, grace)
        _signal_all(jobs, signal.SIGKILL)
        processes.wait_gone(jobs, 0.2)
    return len(ended)


def _signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        processes.send(pid, number)


def _marked(mark: str) -> list[int]:
    """Processes other than this one and its ancestors whose environment has this entry."""
    wanted = mark.encode()
    mine = _ancestors(os.getpid())
    found = []
    for pid in processes.all_pids():
        if pid in mine:
            continue
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
                environment = file.read()
        except OSError:
            continue
        if wanted in environment.split(b"\0"):
            found.append(pid)
    return found


def _ancestors(pid: int) -> set[int]:
    found = set()
    while pid and pid not in found:
        found.add(pid)
        stat = processes.read_stat(pid)
        pid = stat[0] if stat else 0
    return found
