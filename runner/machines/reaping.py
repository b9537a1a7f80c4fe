"""The third guard: ends machines of this repository that work for no run."""

from __future__ import annotations

from collections.abc import Iterable

from runner.errors import CloudError, NotFoundError, RunnerError
from runner.launching import price_cache
from runner.launching.naming import RUN, repository_tags
from runner.launching.reap import YOUNG, Orphan, RunFacts, orphans
from runner.machines.facts import look
from runner.machines.site import Site
from runner.machines.standing import ENDED, Standing, judge
from runner.ports import Instance


def reap(site: Site, regions: Iterable[str] = ()) -> list[Orphan]:
    """Those that were ended. `regions` besides the account's own, those that the policy allows, and those in
    which machines were asked for before.

    Raises CloudError, StoreError. That the cloud does not answer where machines only may be is noticed.
    """
    ended: list[Orphan] = []
    asked = [site.account.region, *regions]
    for region in dict.fromkeys([*asked, *_possible(site)]):
        try:
            ended += _reaped(region, site)
        except CloudError as error:
            if region in asked:
                raise
            site.notice(f"machines in {region} are not looked at: {error.message}")
    return ended


def _possible(site: Site) -> list[str]:
    allowed = (site.policy.regions or ()) if site.policy is not None else ()
    before = [price_cache.region_of(one.name) for one in site.root.names(price_cache.FOLDER)]
    return [*(one for one in allowed if "*" not in one), *before]


def _reaped(region: str, site: Site) -> list[Orphan]:
    cloud, ours = site.cloud(region), repository_tags(site.repository)
    machines = [one for one in cloud.find(ours) if not one.is_gone]
    if not machines:
        return []
    runs = _runs_of(machines, site)
    found = orphans(machines, runs, repository=site.repository, now=site.root.now())
    gone = set(cloud.terminate([one.instance.id for one in found], ours) if found else ())
    return [one for one in found if one.instance.id in gone]


def _runs_of(machines: Iterable[Instance], site: Site) -> dict[str, RunFacts]:
    """Of the runs that these are for; one that is missing does not exist."""
    names = {one.tags.get(RUN, "") for one in machines} - {""}
    site.root.names("live/")  # to hear what time it is, also where no run is read
    return {name: facts for name in sorted(names) if (facts := _facts(name, site)) is not None}


def _facts(run_id: str, site: Site) -> RunFacts | None:
    """None where there is no such run.

    What cannot be read now counts as alive: the time to live still holds.
    """
    try:
        _, facts = look(run_id, site)
    except NotFoundError:
        return None
    except RunnerError as error:
        site.notice(f"{run_id} cannot be looked at: {error.message}")
        return RunFacts(is_over=False)
    standing = judge(facts).standing
    stopped = standing in ENDED and facts.silent > YOUNG
    return RunFacts(
        is_over=standing is Standing.OVER or stopped, generation=facts.generation, holder=facts.holder
    )
