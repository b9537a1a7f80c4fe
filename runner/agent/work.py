"""Carries out one order: the run from its plan to its end, with its reports."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from runner import plan as plans
from runner import run_here
from runner.agent.order import Order
from runner.agent.putting_back import put_back
from runner.driving import Here
from runner.errors import FAILED, INTERRUPTED, SUCCEEDED
from runner.events import Event
from runner.model import Outcome
from runner.reports import write_reports
from runner.state import RunPhase, RunState
from runner.stores.directory import is_live

_PATIENCE = 60.0


def carry_out(order: Order) -> int:
    """The exit code of the run. Raises RunnerError subclasses for what is not a job's failure."""
    here = Here(directory=order.directory, checkout=order.checkout, environ=dict(os.environ))
    if order.action == "start":
        plan = plans.from_json(order.plan.encode())
        state = run_here.start(plan, here, run_id=order.run_id, on_events=_unseen)
        return _over(order, state)
    _wait_for_the_last(order)
    put_back(order)
    if order.action == "retry":
        state = run_here.retry(here, order.job_ids, on_events=_unseen)
    else:
        state = run_here.resume(here, on_events=_unseen)
    return _over(order, state)


def _wait_for_the_last(order: Order) -> None:
    """An agent whose parent died still ends its jobs. One that does not end is refused by the run's lease."""
    deadline = time.monotonic() + _PATIENCE
    while is_live(order.directory) and time.monotonic() < deadline:
        time.sleep(0.1)


def _over(order: Order, state: RunState) -> int:
    write_reports(order.directory)
    if state.phase is RunPhase.INTERRUPTED:
        return INTERRUPTED
    return SUCCEEDED if state.outcome is Outcome.SUCCEEDED else FAILED


def _unseen(state: RunState, events: Sequence[Event]) -> None:
    """Who gave the order reads the log."""
