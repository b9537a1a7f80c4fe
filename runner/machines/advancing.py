"""A run's next step, from the facts and not from what happened: safe at any time, and twice at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runner.bundle.sending import give_order
from runner.bundle.unheard import Unheard
from runner.errors import (
    CapacityError,
    CloudBusyError,
    CloudEndedError,
    CloudRefusedError,
    CloudUnsureError,
    FencedError,
    NotFoundError,
    RefusedError,
    StoreBusyError,
    UsageError,
)
from runner.launching.console import explain
from runner.launching.naming import repository_tags
from runner.launching.prepare import region_of
from runner.machines import held
from runner.machines.asking import ask
from runner.machines.ending import end, unheard
from runner.machines.facts import Logs, look, order_of
from runner.machines.site import Site
from runner.machines.standing import ENDED, GOES_ON, Facts, Standing, Verdict, judge
from runner.model import Plan
from runner.plan.cost import MOST_RESUMES

_UNBEGUN = frozenset(Standing) - {Standing.WORKING, Standing.OVER, Standing.INTERRUPTED}
"""How a run may stand of which no job has begun, and nobody is there to read that it is cancelled."""
_UNORDERED = 3600.0
"""Seconds that a launcher has between the plan of a run and what it is to run."""
FOR_NOW = (StoreBusyError, CloudBusyError, CloudUnsureError)
"""What is the same, and may go well, when it is tried again."""
_END = "bytes=-65536"
"""Of what a machine said: it may write there what it wants."""
_LOOKS = 60
_EACH = 5.0
"""So often, so many seconds apart, is looked whether a machine has ended: EC2 takes a minute or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a run stands after a step. `said` tells what was done, "" for nothing. `words`: why it waits."""

    run_id: str
    standing: Standing
    generation: int = 0
    instance_id: str = ""
    said: str = ""
    words: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether there is, or soon will be, a machine that works on it."""
        return self.standing in GOES_ON


def advance(run_id: str, site: Site, logs: Logs | None = None) -> Progress:
    """Look, and do what is next. Raises RunnerError subclasses: what was done is found the next time."""
    logs = {} if logs is None else logs
    plan, facts = look(run_id, site, logs)
    verdict = judge(facts)
    request = held.cancelled(run_id, facts, site) if verdict.standing in _UNBEGUN else None
    if request is not None:
        stop_machines(facts, plan, site)
        known = told(facts, plan, site)
        end(site.run(run_id), facts.state, max(1, facts.generation), request=request, unheard=known)
        said = f"cancelled by {request.by or 'somebody'} before it began"
        return Progress(run_id=run_id, standing=Standing.OVER, generation=facts.generation, said=said)
    match verdict.standing:
        case Standing.HELD:
            return _opened(run_id, plan, facts, site, logs)
        case Standing.UNASKED:
            return _asked(run_id, plan, facts, site)
        case Standing.SILENT | Standing.GONE | Standing.UNBOOTED:
            return _replaced(run_id, plan, facts, verdict, site)
        case _:
            return _as_it_is(run_id, facts, verdict)


def _newest(facts: Facts) -> str:
    """The machine that has the run, or was to have it; "" for none."""
    return facts.holder or (facts.machine.id if facts.machine is not None else "")


def _as_it_is(run_id: str, facts: Facts, verdict: Verdict) -> Progress:
    return Progress(
        run_id=run_id,
        standing=verdict.standing,
        generation=facts.generation,
        instance_id=_newest(facts),
        words=verdict.why,
    )


def _opened(run_id: str, plan: Plan, facts: Facts, site: Site, logs: Logs) -> Progress:
    """The first generation, as soon as nobody else has what the run may have alone."""
    order = held.wanted(run_id, site)
    if order is None:
        return _never_ordered(run_id, facts, site)
    turn = held.turn_of(run_id, plan, site, lambda other: is_over(other, site, logs))
    if turn.refused:
        why = f"{turn.refused}, and it was not to wait"
        end(site.run(run_id), facts.state, 1, instance_id="", why=why)
        return Progress(run_id=run_id, standing=Standing.OVER, said=why)
    if turn.behind:
        return Progress(run_id=run_id, standing=Standing.HELD, words=f"its turn after {turn.behind}")
    give_order(site.run(run_id), order, 1)
    return _asked(run_id, plan, replace(facts, generation=1, order=order), site)


def _never_ordered(run_id: str, facts: Facts, site: Site) -> Progress:
    """Who began it died early, or still is about to say what is to run."""
    why = "whoever launched it died before saying what it runs"
    if facts.silent < _UNORDERED:
        return Progress(run_id=run_id, standing=Standing.HELD, words="its launch")
    end(site.run(run_id), facts.state, 1, instance_id="", why=why)
    return Progress(run_id=run_id, standing=Standing.OVER, said=f"it is lost: {why}")


def _asked(run_id: str, plan: Plan, facts: Facts, site: Site) -> Progress:
    """A machine, or the end of the run where none will ever come."""
    try:
        launched = ask(run_id, plan, facts.generation, site)
    except CloudEndedError:  # so long ago that the cloud does not show it any more
        why = "its machine ended before it said a word"
        return _replaced(run_id, plan, facts, Verdict(standing=Standing.GONE, why=why), site)
    except (CapacityError, CloudRefusedError, RefusedError, UsageError) as error:
        why = f"no machine: {error.message}"
        known = told(facts, plan, site, why)
        end(site.run(run_id), facts.state, facts.generation, instance_id="", why=why, unheard=known)
        said = f"{why}; {error.hint}" if error.hint else why
        return Progress(run_id=run_id, standing=Standing.OVER, generation=facts.generation, said=said)
    return Progress(
        run_id=run_id,
        standing=Standing.STARTING,
        generation=facts.generation,
        instance_id=launched.instance_id,
        said=f"machine {launched.instance_id} is asked to run it",
        words=f"machine {launched.instance_id} is booting",
    )


def _replaced(run_id: str, plan: Plan, facts: Facts, verdict: Verdict, site: Site) -> Progress:
    """Its machine is ended for certain before another gets the run; after too many, the run is lost."""
    why = _explained(facts, verdict, plan, site)
    stop_machines(facts, plan, site)
    run = site.run(run_id)
    if _resumes(run_id, facts, site) >= MOST_RESUMES:
        why = f"{why}; after {MOST_RESUMES + 1} machines no other one is tried"
        known = told(facts, plan, site, why)
        try:
            end(run, facts.state, facts.generation, instance_id=_newest(facts), why=why, unheard=known)
        except FencedError:
            return _as_it_is(run_id, facts, verdict)  # somebody else ends it, or it lives: look again
        return Progress(
            run_id=run_id, standing=Standing.OVER, generation=facts.generation, said=f"it is lost: {why}"
        )
    given = facts.order if facts.order is not None else order_of(run, facts.generation)
    action = given.action if facts.told_by < facts.generation else "run"
    opened = facts.generation + 1
    known = told(facts, plan, site, why)
    order = give_order(run, replace(given, action=action, because=why, unheard=known), opened)
    after = _asked(run_id, plan, replace(facts, generation=opened, order=order, machines=()), site)
    return replace(after, said=f"{why}; {after.said}")


def told(facts: Facts, plan: Plan, site: Site, why: str = "") -> tuple[Unheard, ...]:
    """What whoever writes the log next is to tell of machines that are gone: see `ending.unheard`."""
    machine = plan.queue.machine
    return unheard(facts, machine, region_of(machine, site.account), site.root.now(), why)


def _resumes(run_id: str, facts: Facts, site: Site) -> int:
    """How many machines in a row were given the run because the one before was lost."""
    count, order, generation = 0, facts.order, facts.generation
    while order is not None and order.because and generation > 1:
        count, generation = count + 1, generation - 1
        order = order_of(site.run(run_id), generation)
    return count


def stop_machines(facts: Facts, plan: Plan, site: Site) -> None:
    """End the generation's machines, and wait for it. Raises CloudBusyError where they take too long."""
    left = [one.id for one in facts.machines if one.state != "terminated"]
    if not left:
        return
    cloud = site.cloud(region_of(plan.queue.machine, site.account))
    asked: set[str] = set()
    for _ in range(_LOOKS):
        unasked = [instance_id for instance_id in left if instance_id not in asked]
        asked.update(cloud.terminate(unasked, repository_tags(site.repository)))
        # One that is not shown lives: what was there a moment ago is shown as ended for an hour.
        ended = {one.id for one in cloud.describe(left) if one.state == "terminated"}
        left = [instance_id for instance_id in left if instance_id not in ended]
        if not left:
            return
        site.sleep(_EACH)
    raise CloudBusyError(
        f"machine {', '.join(left)} does not end", hint="nothing else gets its run before: look again later"
    )


def _explained(facts: Facts, verdict: Verdict, plan: Plan, site: Site) -> str:
    """With what the machine itself said: of a boot that failed, and where it ended before its run."""
    machine = facts.machine
    if machine is None or facts.lost_because:
        return verdict.why
    kept = site.run(facts.state.run_id).get(f"boot/{facts.generation}-{machine.id}.log", _END)
    said = kept.body.decode("utf-8", "replace") if kept is not None else ""
    if verdict.standing is Standing.UNBOOTED:
        said = said or site.cloud(region_of(plan.queue.machine, site.account)).console(machine.id)
        return f"machine {machine.id} did not start its agent: {explain(said)}"
    return f"{verdict.why}; {explain(said)}" if said and machine.ended == "shutdown" else verdict.why


def is_over(run_id: str, site: Site, logs: Logs | None = None) -> bool:
    """Whether nobody works on a run, and nobody will unless asked to. One that is gone is over."""
    try:
        return look_at(run_id, site, logs).standing in ENDED
    except NotFoundError:
        return True


def look_at(run_id: str, site: Site, logs: Logs | None = None) -> Progress:
    """How it stands; nothing is done. Raises as `advance`."""
    _, facts = look(run_id, site, logs)
    return _as_it_is(run_id, facts, judge(facts))
