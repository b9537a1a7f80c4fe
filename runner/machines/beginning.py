"""A run in the cloud, from its plan to a machine that was asked for; and one that goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from runner import plan as plans
from runner.bundle.order import MachineOrder
from runner.bundle.sending import give_order
from runner.canonical.machine import types_named
from runner.errors import LogError, NotFoundError, RunIsLiveError, StoreError
from runner.launching.prepare import region_of
from runner.machines import held
from runner.machines.advancing import FOR_NOW, Progress, advance, is_over, stop_machines, told
from runner.machines.facts import look
from runner.machines.live import Live, mark
from runner.machines.site import Site
from runner.machines.standing import GOES_ON, Facts, Standing, judge
from runner.model import Machine, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """`checkout`: where git knows the plan's commit, of which the machine gets the files.

    `live`: where it is shown. `by`: who asked for it.
    """

    plan: Plan
    checkout: Path
    live: Live
    by: str = ""

    @property
    def run_id(self) -> str:
        return self.live.run_id


def begin(beginning: Beginning, site: Site) -> Progress:
    """Safe to repeat, and twice at once: the same run gets one machine. An interrupted one goes on.

    In this order: a mark (nothing is forgotten), what runs, the plan (by which there is a run, that anybody
    can go on with); then the steps of `advance`. Raises RunnerError subclasses.
    """
    run_id = beginning.run_id
    mark(beginning.live, site)
    _keep_what_runs(beginning, site)
    _keep_plan(run_id, beginning.plan, site)
    done = _first_step(run_id, site)
    return go_on(run_id, site, by=beginning.by) if done.standing is Standing.INTERRUPTED else done


def _keep_what_runs(beginning: Beginning, site: Site) -> None:
    run_id = beginning.run_id
    if held.wanted(run_id, site) is None:
        packed = site.files(beginning.checkout, beginning.plan.git.sha)
        for problem in packed.problems():
            site.notice(problem)
        order = MachineOrder(
            checkout=packed.archive.name,
            checkout_sha256=packed.archive.sha256,
            state=held.state_of_earlier(run_id, beginning.plan.queue.queue_id, site),
            by=beginning.by,
            prices=_prices(beginning.plan.queue.machine, site),
        )
        held.want(run_id, order, site)


def _first_step(run_id: str, site: Site) -> Progress:
    """The run is there, and whoever looks after it tries again: what cannot be done now is no failure."""
    try:
        return advance(run_id, site)
    except FOR_NOW as error:
        words = f"its machine could not be asked for yet: {error.message}"
        return Progress(run_id=run_id, standing=Standing.UNASKED, said=words, words=words)


def go_on(
    run_id: str,
    site: Site,
    *,
    action: str = "run",
    job_ids: tuple[str, ...] = (),
    by: str = "",
    live: Live | None = None,
) -> Progress:
    """Another machine for a run that nobody works on: `run` goes on with it, `retry` opens what has ended.

    `live`: where it is shown, unless its mark says so already. Raises RunIsLiveError where somebody does work
    on it, NotFoundError, and as `advance`.
    """
    plan, facts = look(run_id, site)
    verdict = judge(facts)
    if verdict.standing in GOES_ON:
        machine, url = facts.machine, site.account.run_url(run_id)
        raise RunIsLiveError(
            f"run {run_id} is live" + (f" on machine {machine.id}" if machine is not None else ""),
            hint=f"watch it: runner status --watch {url}; or end it: runner cancel {url}",
        )
    if verdict.standing is Standing.UNREADABLE:
        raise LogError(
            f"run {run_id} cannot go on: what is in its log, no runner wrote: {verdict.why}",
            hint="launch its queue again, and look at what its jobs may write to",
        )
    if verdict.standing is Standing.OVER and action == "run":
        return Progress(run_id=run_id, standing=Standing.OVER, generation=facts.generation)
    first = _given_first(run_id, facts, site)
    turn = held.turn_of(run_id, plan, site, lambda other: is_over(other, site), waits=False)
    if turn.refused:
        raise RunIsLiveError(turn.refused, hint="wait for its end, or cancel it")
    mark(live or _where_it_was(run_id, plan), site)
    stop_machines(facts, plan, site)
    known = told(facts, plan, site)
    wanted = replace(first, action=action, job_ids=job_ids, by=by, because="", unheard=known)
    given = give_order(site.run(run_id), wanted, facts.generation + 1)
    if replace(given, unheard=known) != wanted:  # when it was seen that they are gone tells nobody apart
        raise RunIsLiveError(f"somebody else goes on with run {run_id} just now", hint="look at its status")
    return _first_step(run_id, site)


def _given_first(run_id: str, facts: Facts, site: Site) -> MachineOrder:
    found = facts.order or held.wanted(run_id, site)
    if found is None:
        raise StoreError(f"nobody knows what run {run_id} was to run", hint="launch its queue again")
    if not site.root.names(found.checkout):  # a bucket forgets bundles sooner than runs
        raise NotFoundError(
            f"the files that run {run_id} ran on are no longer in the bucket", hint="launch its queue again"
        )
    return found


def _prices(machine: Machine, site: Site) -> dict[str, float]:
    """For its reports: what the run cost is a projection of its log."""
    region, types = region_of(machine, site.account), types_named(machine.options)
    return site.prices(region, types).hourly(types, region)


def _where_it_was(run_id: str, plan: Plan) -> Live:
    """What a pull request brought is shown there again, whoever goes on with it; other runs nowhere."""
    if not (plan.git.pr.isascii() and plan.git.pr.isdecimal()):
        return Live(run_id=run_id)
    return Live(run_id=run_id, source=plan.source, commit=plan.git.sha, pull=int(plan.git.pr))


def _keep_plan(run_id: str, plan: Plan, site: Site) -> None:
    raw = plans.to_json(plan)
    if site.run(run_id).create("plan.json", raw):
        return
    found = site.run(run_id).get("plan.json")
    if found is not None and plans.from_json(found.body).digest != plan.digest:
        raise StoreError(
            f"there is a run {run_id} already, with another plan", hint="give the new run an id of its own"
        )
