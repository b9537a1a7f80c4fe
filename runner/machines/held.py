"""Runs that have no machine yet: what they would run, and whom they wait for.

`wanted.json`, below the run's own place, is the order that its first generation gets. Between it and the
order there may be any time: a run that waits has no machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runner import events as e
from runner.bundle.order import MachineOrder, from_json, to_json
from runner.launching.account import RUNS, run_name
from runner.machines.facts import newest_generation
from runner.machines.site import Site
from runner.machines.standing import Facts
from runner.model import Plan
from runner.runs import ids
from runner.runs.in_bucket import BucketSource
from runner.stores.s3.leases import acquire
from runner.stores.s3.requests import Requests

NAME = "wanted.json"
_MOST_EARLIER = 5
"""Earlier runs that are looked at for what they left."""


def want(run_id: str, order: MachineOrder, site: Site) -> None:
    """The first word counts. Raises StoreError."""
    site.run(run_id).create(NAME, to_json(order))


def wanted(run_id: str, site: Site) -> MachineOrder | None:
    found = site.run(run_id).get(NAME)
    return from_json(found.body, NAME) if found is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """`behind`: the runs that come before it, "" for none. `refused`: why it does not wait. In words."""

    behind: str = ""
    refused: str = ""


def turn_of(
    run_id: str, plan: Plan, site: Site, is_over: Callable[[str], bool], *, waits: bool = True
) -> Turn:
    """Whether the run has its group (`concurrency`) for itself; by then, it does. Safe to repeat.

    `waits`: whether it gets a place among those that wait, in order of arrival, if its queue says so. Raises
    StoreError, and what `is_over` raises.
    """
    queue = plan.queue
    waits = waits and queue.concurrency_policy != "reject"
    line = acquire(site.root, queue.group, run_id, is_over, waits=waits)
    if line.run_id == run_id:
        return Turn()
    before = line.before(run_id)
    if not waits:
        return Turn(refused=f"run {before[0]} of the same group ({queue.group}) goes on")
    if queue.concurrency_policy == "cancel":
        for other in before:
            _cancel(other, run_id, site)
    return Turn(behind=_named(before))


def _cancel(other: str, run_id: str, site: Site) -> None:
    """By one name for all who wait: a second request would end its cleanup, too."""
    body = {"type": "cancel", "job_ids": [], "by": f"run {run_id} of the same group"}
    run = site.run(other)
    BucketSource(run).request(body, name=f"group-{max(1, newest_generation(run))}")


def _named(before: Sequence[str]) -> str:
    holder, *others = before
    if not others:
        return f"run {holder}"
    return f"run {holder} and {len(others)} more that {'waits' if len(others) == 1 else 'wait'} for it"


def cancelled(run_id: str, facts: Facts, site: Site) -> e.CancelRequested | None:
    """Somebody's request to cancel the run, as long as none of its jobs ever began. Raises StoreError."""
    if any(job.attempts for job in facts.state.jobs.values()):
        return None  # its cleanup needs a machine, which reads it
    for body in Requests(site.run(run_id)).found():
        is_new = body["request"] not in facts.state.requests
        if is_new and body.get("type") == "cancel" and not body.get("job_ids"):
            by = body.get("by")
            return e.CancelRequested(at=0.0, by=by if isinstance(by, str) else "", request=body["request"])
    return None


def state_of_earlier(run_id: str, queue_id: str, site: Site) -> str:
    """The archive of the queue's state directory that its newest earlier run left, "" for none."""
    runs = site.root.below(RUNS)
    earlier = [name for name in runs.folders(f"{queue_id}-") if _stamp(name, queue_id) and name != run_id]
    for name in sorted(earlier, key=lambda name: _stamp(name, queue_id), reverse=True)[:_MOST_EARLIER]:
        kept = [listed.name for listed in runs.below(name).names("state/")]
        if kept:
            newest = max(kept, key=lambda one: (len(one), one))  # numbers without leading zeros
            return f"{run_name(name)}/{newest}"
    return ""


def _stamp(run_id: str, queue_id: str) -> str:
    """When a run of this queue was made, "" for a run of another queue whose name begins alike."""
    queue, stamp = ids.parts(run_id)
    return stamp if queue == queue_id else ""
