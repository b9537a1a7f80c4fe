"""The third guard: ends machines of this repository that work for no run."""

from __future__ import annotations

from collections.abc import Iterable

from runner.errors import NotFoundError, RunnerError
from runner.launching.naming import RUN, repository_tags
from runner.launching.reap import YOUNG, Orphan, RunFacts, orphans
from runner.machines.facts import look
from runner.machines.site import Site
from runner.machines.standing import ENDED, Standing, judge
from runner.ports import Instance


def reap(site: Site, regions: Iterable[str] = ()) -> list[Orphan]:
    """Those that were ended. `regions` besides the account's own and those that the policy allows.

    Raises CloudError, StoreError.
    """
    ended: list[Orphan] = []
    allowed = (site.policy.regions or ()) if site.policy is not None else ()
    named = [region for region in (*allowed, *regions) if "*" not in region]
    for region in dict.fromkeys([site.account.region, *named]):
        cloud = site.cloud(region)
        machines = [one for one in cloud.find(repository_tags(site.repository)) if not one.is_gone]
        if not machines:
            continue
        runs = _runs_of(machines, site)
        found = orphans(machines, runs, repository=site.repository, now=site.root.now())
        gone = (
            set(cloud.terminate([one.instance.id for one in found], repository_tags(site.repository)))
            if found
            else set()
        )
        ended += [one for one in found if one.instance.id in gone]
    return ended


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
