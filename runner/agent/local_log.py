"""The run's directory on this machine: in line with the bucket's log, and the agent's own words in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from runner import events as e
from runner.clock import SystemClock
from runner.driving import Here
from runner.errors import RunnerError, StoreError
from runner.graph import Graph
from runner.model import Plan
from runner.run_here import started
from runner.runs.reading import read
from runner.state import CLOSED, Phase, RunPhase
from runner.stores.directory import LOG, PLAN, REQUESTS, DirectoryStore
from runner.stores.disk import trouble, write_atomically


def adopt(directory: Path, plan: bytes, log: bytes) -> bool:
    """Make the local log that of the bucket, or one that goes on from it; whether this disk is new to it.

    The plan is in place before there is a log. Raises StoreError.
    """
    try:
        local = directory / LOG
        if local.exists() and local.read_bytes().startswith(log):
            return False
        if directory.exists():  # of another life of this machine: the bucket's log is the truth
            shutil.rmtree(directory)
        for folder in (directory, directory / "jobs", directory / REQUESTS):
            folder.mkdir(parents=True, exist_ok=True)
        write_atomically(directory / PLAN, plan)
        write_atomically(local, log)
    except OSError as error:
        raise trouble("write", directory, error) from error
    return True


def say(directory: Path, run_id: str, events: Sequence[e.Event]) -> None:
    """Append to the local log while no scheduler has it. Raises StoreError."""
    store = DirectoryStore(directory, run_id)
    store.lease({"run_id": run_id, "pid": os.getpid()})
    try:
        store.open_log()
        store.append(events)
    finally:
        store.close()


def say_interrupted(directory: Path, error: RunnerError) -> bytes:
    """Why nobody goes on here, where the log does not say so yet. Another machine may go on.

    Lines that the log elsewhere is to get all the same, where this one cannot be written: its disk is full.
    """
    _, state = read(directory)
    if state.phase in (RunPhase.INTERRUPTED, RunPhase.FINISHED):
        return b""
    events = [e.RunInterrupted(at=SystemClock().now(), reason=error.message)]
    try:
        say(directory, state.run_id, events)
    except StoreError:
        return e.encode_lines(events, state.run_id, state.seq + 1)
    return b""


def say_refused(directory: Path, plan: Plan, here: Here, error: RunnerError) -> None:
    """The run cannot be as its file says, on no machine: the jobs that were due next have failed, with the
    reason, and it is over."""
    _, state = read(directory)
    if state.phase is RunPhase.FINISHED:
        return
    graph = Graph.of(plan.queue)
    now = SystemClock().now()
    due = [
        job_id
        for job_id, job in state.jobs.items()
        if job.phase in (Phase.WAITING, Phase.BACKING_OFF)
        and all(state.jobs[graph.ids[d]].phase in CLOSED for d in graph.waits_for[graph.index[job_id]])
    ]
    events: list[e.Event] = [started(plan, here, now)] if state.phase is RunPhase.REQUESTED else []
    events += [e.JobFinished(at=now, job_id=one, outcome="failed", reason=error.message) for one in due]
    say(directory, state.run_id, [*events, e.RunFinished(at=now, outcome="failed")])
