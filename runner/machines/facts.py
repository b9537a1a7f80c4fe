"""All that can be seen of a run from outside: its log, its orders, its launches, its machines."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import TypeAlias

from runner import events as e
from runner.bundle.order import MachineOrder, from_json, order_name
from runner.canonical.machine import ttl_of
from runner.errors import LogError, NotFoundError
from runner.launching.ledger import claimed_by, log_generation, records
from runner.launching.naming import Purpose, search_tags
from runner.launching.prepare import region_of
from runner.machines.site import Site
from runner.machines.standing import Facts
from runner.model import Plan
from runner.problems import shorten
from runner.runs.in_bucket import BucketSource
from runner.runs.reading import Tail
from runner.stores.s3 import Bucket

_ORDER = re.compile(r"order/([1-9]\d{0,8})\.json")


@dataclass(slots=True, eq=False)
class Log:
    """A run's log as far as it was read. `told`: its events about machines and ends; `last`: its last one."""

    source: BucketSource
    tail: Tail = field(init=False)
    told: list[e.Event] = field(default_factory=list)
    last: e.Event | None = None

    def __post_init__(self) -> None:
        self.tail = Tail(self.source)

    def read(self) -> str:
        """Read on; why that goes no further than `tail.state`, "" where it is all there is."""
        try:
            events = self.tail.poll()
        except LogError as error:
            # Whoever has a job's machine may write anything there: then what came before is what is known.
            self.told, self.last = [], None
            return shorten(error.message, 300)
        self.told += [event for event in events if isinstance(event, _TELLING)]
        self.last = events[-1] if events else self.last
        return ""


_TELLING = (e.InstanceLaunched, e.InstanceLost, e.RunFinished, e.RunInterrupted)
Logs: TypeAlias = MutableMapping[str, Log]
"""By run, for who looks again and again: segments that were read are not asked for again. One thread's own,
and what a look gave holds until the next."""


def look(run_id: str, site: Site, logs: Logs | None = None) -> tuple[Plan, Facts]:
    """Raises NotFoundError where there is no such run, StoreError, CloudError; LogError for what no machine
    can write.
    """
    run = site.run(run_id)
    logs = {} if logs is None else logs
    log = logs[run_id] = logs.get(run_id) or Log(BucketSource(run))
    plan, source = log.tail.plan, log.source
    unreadable = log.read()
    if unreadable:
        del logs[run_id]  # what is behind that is not to be taken for what follows
    generation = newest_generation(run)
    told_by = source.log_generation // log_generation(1)
    if told_by > max(1, generation):  # a run that never had a machine is ended as the first one would be
        unreadable = unreadable or "it was written for a machine that nobody asked for"
    asked, holder = None, ""
    if generation:
        launched = records(run, generation)
        asked = max(0.0, run.now() - launched[-1].modified) if launched else None
        holder = claimed_by(run, generation)
    cloud = site.cloud(region_of(plan.queue.machine, site.account))
    facts = Facts(
        state=log.tail.state,
        generation=generation,
        order=order_of(run, generation) if generation else None,
        told_by=told_by,
        silent=source.silent(),
        asked=asked,
        holder=holder,
        machines=tuple(cloud.find(search_tags(purpose(run_id, plan, generation, site))))
        if generation
        else (),
        lost_because=_lost(log.last),
        is_own=_is_mended(source) or _whose(log.told) == holder,
        unreadable=unreadable,
    )
    return plan, facts


def newest_generation(run: Bucket) -> int:
    """0 where none was opened."""
    found = (_ORDER.fullmatch(listed.name) for listed in run.names("order/"))
    return max((int(one[1]) for one in found if one), default=0)


def order_of(run: Bucket, generation: int) -> MachineOrder:
    name = order_name(generation)
    found = run.get(name)
    if found is None:
        raise NotFoundError(f"there is no {run.where.below(name)}", hint="launch the queue again")
    return from_json(found.body, name)


def purpose(run_id: str, plan: Plan, generation: int, site: Site) -> Purpose:
    """What the machine of a generation is for, as its tags say."""
    return Purpose(
        run_id=run_id,
        queue_id=plan.queue.queue_id,
        repository=site.repository,
        commit=plan.git.sha,
        generation=generation,
        ttl=ttl_of(plan.queue.machine),
        pull=plan.git.pr,
        owner=plan.git.actor,
    )


def _lost(last: e.Event | None) -> str:
    """The reason, where the last word is that the machine is lost."""
    return (last.reason or f"{last.instance_id} was lost") if isinstance(last, e.InstanceLost) else ""


def _is_mended(source: BucketSource) -> bool:
    """Whether the log's last word is not of a machine, but of whoever ended its run."""
    return source.log_generation % log_generation(1) != 0


def _whose(events: list[e.Event]) -> str:
    """The machine that last said that the run stops, in whatever way."""
    machine, said = "", ""
    for event in events:
        if isinstance(event, e.InstanceLaunched):
            machine = event.instance_id
        elif isinstance(event, e.RunFinished | e.RunInterrupted | e.InstanceLost):
            said = machine
    return said
