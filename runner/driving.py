"""The scheduler over local processes, for a run whose lease this process holds."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runner import events as e
from runner.executors.local.executor import LocalExecutor
from runner.executors.local.identity import Identity
from runner.graph import Graph
from runner.model import Git
from runner.ports import Clock, Secrets
from runner.scheduler import OnEvents, Scheduler
from runner.secrets import Given, cleaned, sources
from runner.specs import Place, run_environment
from runner.state import RunState
from runner.stores.directory import DirectoryStore
from runner.stores.disk import trouble

INTERRUPTING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """This run's place on this machine.

    `environ` is the runner's own environment; `notice` says a sentence to whoever sits before it.
    `interruptible` is given, before the first job, the function that interrupts the run with a reason, from
    any thread. `secrets`: where those come from that the environment does not have. `identity`: who jobs are,
    where not ourselves.
    """

    directory: Path
    checkout: Path
    environ: Mapping[str, str] = field(repr=False)
    notice: Callable[[str], None] = lambda _: None
    max_parallel: int | None = None
    interruptible: Callable[[Callable[[str], None]], None] = lambda _: None
    secrets: Secrets | None = field(default=None, repr=False)
    identity: Identity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A run whose lease this process holds."""

    state: RunState
    store: DirectoryStore
    given: Mapping[str, Given] = field(repr=False)
    git: Git
    clock: Clock


def drive(held: Held, here: Here, on_events: OnEvents, first: Sequence[e.Event]) -> RunState:
    """Until the run is over, or a signal interrupts it. `first`: the events that the log just got."""
    scheduler = _scheduler(held, here, on_events, _environment(held.state, here))
    gc.freeze()  # the plan lives as long as the process: the collector need not look at it again and again
    gc.set_threshold(50_000, 20, 50)
    here.interruptible(scheduler.interrupt)
    on_events(held.state, first)
    with _interrupting(scheduler):
        return scheduler.run()


def _environment(state: RunState, here: Here) -> dict[str, str]:
    """What every job starts from, with the queue's state directory, which is there then."""
    state_directory = here.checkout / ".runner" / "state" / state.queue.queue_id
    try:
        state_directory.mkdir(parents=True, exist_ok=True)
        (here.directory / "jobs").mkdir(exist_ok=True)
    except OSError as error:
        raise trouble("create", state_directory, error) from error
    secret = sources(state.queue)
    own = {name: value for name, value in cleaned(here.environ).items() if name not in secret}
    identity = here.identity.environment() if here.identity is not None else {}
    return {**own, **run_environment(state, state_directory), **identity}


def _scheduler(held: Held, here: Here, on_events: OnEvents, environ: Mapping[str, str]) -> Scheduler:
    state, identity = held.state, here.identity
    return Scheduler(
        state=state,
        graph=Graph.of(state.queue),
        place=Place(
            directory=here.directory,
            checkout=here.checkout,
            given=held.given,
            environ=environ,
            git=held.git,
            uid=identity.uid if identity is not None else None,
        ),
        store=held.store,
        executor=LocalExecutor(
            run_id=state.run_id, capacity=state.max_parallel, environ=environ, identity=identity
        ),
        clock=held.clock,
        notice=here.notice,
        on_events=on_events,
    )


@contextmanager
def _interrupting(scheduler: Scheduler) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP end the attempts and leave the run resumable; a second one is immediate."""

    def interrupt(number: int, _: object) -> None:
        scheduler.interrupt(signal.Signals(number).name)

    before = {}
    if threading.current_thread() is threading.main_thread():
        heard = [number for number in INTERRUPTING if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, interrupt) for number in heard}  # nohup stays nohup
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
