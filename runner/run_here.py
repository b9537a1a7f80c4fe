"""A run on this machine, from its plan to its end: start, resume, retry, cancel."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from runner import __version__, premises, rules
from runner import events as e
from runner.clock import SystemClock
from runner.driving import Held, Here, drive
from runner.errors import NotFoundError, RefusedError
from runner.executors.local.leftovers import Session, end_leftovers
from runner.executors.local.processes import boot_id
from runner.graph import Graph
from runner.model import Outcome, Plan, Queue
from runner.plan import to_json
from runner.ports import Clock
from runner.report.wording import known_jobs
from runner.runs.exclusive import Candidate, turn
from runner.runs.reading import read
from runner.scheduler import OnEvents
from runner.secrets import Given, resolve
from runner.state import Phase, RunPhase, RunState, apply, fold
from runner.stores import directory as stores
from runner.stores.directory import DirectoryStore


def start(plan: Plan, here: Here, *, run_id: str, on_events: OnEvents) -> RunState:
    """A new run. Raises RefusedError, before anything exists, for what would fail in the first job."""
    given = preflight(plan.queue, here)
    store = DirectoryStore(here.directory, run_id)
    clock = SystemClock()
    with _turn(plan.queue, here, run_id):
        store.create(to_json(plan))
        store.lease(_holder(run_id))
        try:
            store.open_log()
            state = RunState.new(run_id, plan.queue)
            event = started(plan, here, clock.now())
            apply(state, event)
            store.append([event])
            held = Held(state=state, store=store, given=given, git=plan.git, clock=clock)
            return drive(held, here, on_events, [event])
        finally:
            store.close()


def resume(here: Here, *, on_events: OnEvents) -> RunState:
    """Go on with a run that was interrupted or whose runner died. A finished run is given back as it is."""
    return take_up(here, on_events, lambda _: ())


def retry(here: Here, job_ids: Sequence[str], *, on_events: OnEvents) -> RunState:
    """Again the failed, cancelled and stop-skipped jobs (or `job_ids`), and everything that hangs on them."""

    def events(state: RunState) -> Sequence[e.Event]:
        check_known(state, job_ids)
        chosen = rules.to_reset(state, Graph.of(state.queue), job_ids)
        if not chosen:
            raise RefusedError(
                f"run {state.run_id} has no job to run again",
                hint="name the jobs that shall run again all the same",
            )
        return (e.JobsReset(at=SystemClock().now(), job_ids=chosen),)

    return take_up(here, on_events, events, even_finished=True)


def cancel(here: Here, job_ids: Sequence[str], *, by: str, on_events: OnEvents) -> RunState | None:
    """Ask the live runner of this run (then None), or, where there is none, take the run up and end it."""
    _, state = read(here.directory)
    check_known(state, job_ids)
    name = f"{time.time_ns()}-{os.getpid()}"
    if stores.is_live(here.directory):
        stores.request(here.directory, {"type": "cancel", "job_ids": list(job_ids), "by": by}, name)
        return None
    if state.phase is RunPhase.FINISHED:
        raise RefusedError(f"run {state.run_id} is over ({state.outcome}): there is nothing to cancel")

    def events(_: RunState) -> Sequence[e.Event]:
        asked = e.CancelRequested(at=SystemClock().now(), job_ids=tuple(job_ids), by=by, request=name)
        return (asked,)

    return take_up(here, on_events, events, waits=False)


def check_known(state: RunState, job_ids: Sequence[str]) -> None:
    unknown = [job for job in job_ids if job not in state.jobs]
    if unknown:
        raise NotFoundError(
            f"run {state.run_id} has no job {', '.join(unknown)}",
            hint=known_jobs(state),
        )


def take_up(
    here: Here,
    on_events: OnEvents,
    more: Callable[[RunState], Sequence[e.Event]],
    *,
    even_finished: bool = False,
    waits: bool = True,
) -> RunState:
    """Take up a run: lease, leftovers of the dead runner, cut-off attempts, `more` events, and on.

    A run that is over is given back as it is, unless `even_finished`. One that `waits` takes its turn among
    those of its group; its own lease comes before that: nobody waits for the run itself.
    """
    plan, state = read(here.directory)
    if state.phase is RunPhase.FINISHED and not even_finished:
        return state
    given = preflight(plan.queue, here)
    store = DirectoryStore(here.directory, state.run_id)
    store.lease(_holder(state.run_id))
    try:
        with _turn(plan.queue, here, state.run_id) if waits else nullcontext():
            # The log again, now that nobody else writes.
            state = fold(state.run_id, plan.queue, store.open_log())
            if state.phase is RunPhase.FINISHED and not even_finished:
                return state
            extra = more(state)
            end_leftovers(state.run_id, _sessions(state))
            clock = SystemClock()
            events = [*_revival(plan, state, here, clock), *extra]
            for event in events:
                apply(state, event)
            store.append(events)
            held = Held(state=state, store=store, given=given, git=plan.git, clock=clock)
            return drive(held, here, on_events, events)
    finally:
        store.close()


def _turn(queue: Queue, here: Here, run_id: str) -> AbstractContextManager[None]:
    inside = here.environ.get("RUNNER_RUN_ID", "")
    one = Candidate(
        run_id=run_id, directory=here.directory, checkout=here.checkout, queue=queue, inside=inside
    )
    return turn(one, _holder(run_id), here.notice)


def _sessions(state: RunState) -> list[Session]:
    """The attempts that were running when the log ends, if that was on this boot of this machine."""
    if not state.boot_id or state.boot_id != boot_id():
        return []
    running = [job.last for job in state.jobs.values() if job.phase is Phase.RUNNING]
    return [Session(pid=a.pid, started=a.process_started) for a in running if a is not None and a.pid]


def _revival(plan: Plan, state: RunState, here: Here, clock: Clock) -> list[e.Event]:
    """A runner lives again; the attempts that the last one did not see end are lost."""
    now = clock.now()
    if state.phase is RunPhase.REQUESTED:  # the last one died before it said anything
        return [started(plan, here, now)]
    events: list[e.Event] = [
        e.RunResumed(
            at=now,
            max_parallel=_parallel(plan.queue, here),
            host=socket.gethostname(),
            pid=os.getpid(),
            boot_id=boot_id(),
            runner_version=__version__,
        )
    ]
    for job_id, job in state.jobs.items():
        if job.phase is Phase.RUNNING:
            events.append(
                e.AttemptFinished(
                    at=now,
                    job_id=job_id,
                    attempt=job.attempt,
                    outcome=Outcome.LOST.value,
                    reason="the runner ended while it ran",
                    interrupted=True,
                )
            )
    return events


def started(plan: Plan, here: Here, now: float) -> e.RunStarted:
    """A run's first word of this machine."""
    return e.RunStarted(
        at=now,
        queue_id=plan.queue.queue_id,
        digest=plan.digest,
        checkout=str(here.checkout),
        max_parallel=_parallel(plan.queue, here),
        host=socket.gethostname(),
        pid=os.getpid(),
        boot_id=boot_id(),
        runner_version=__version__,
    )


def preflight(queue: Queue, here: Here) -> Mapping[str, Given]:
    """What every job gets from outside. Raises where the run could not do what the file says."""
    if queue.refused:
        raise RefusedError("; ".join(queue.refused))
    gone = premises.missing(here.checkout, None, queue.jobs)
    if gone is not None:
        raise gone
    given, unset = resolve(queue, here.environ, here.secrets)
    if unset:
        raise RefusedError(
            "\n".join(f"{sentence}." for sentence in unset),  # a comment sets the hint behind them
            hint="Nothing has started. Set it where the runner starts, or take it out of the queue.",
        )
    return given


def _parallel(queue: Queue, here: Here) -> int:
    return here.max_parallel or queue.max_parallel or cpus()


def cpus() -> int:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _holder(run_id: str) -> dict[str, object]:
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"run_id": run_id, "pid": os.getpid(), "host": socket.gethostname(), "since": since}
