"""The machine of a generation: everything checked, then asked for."""

from __future__ import annotations

from runner.launching import ceilings
from runner.launching.attempts import types_of
from runner.launching.launch import Launched, launch
from runner.launching.prepare import prepare, region_of
from runner.machines.facts import purpose
from runner.machines.site import Site
from runner.model import Plan


def ask(run_id: str, plan: Plan, generation: int, site: Site) -> Launched:
    """One machine, whoever else asks for the same.

    Raises RefusedError where the policy does not allow it, UsageError, CloudError, StoreError.
    """
    machine = plan.queue.machine
    cloud = site.cloud(region_of(machine, site.account))
    if site.policy is not None:
        region, types = region_of(machine, site.account), types_of(machine)
        ceilings.check(plan.queue, site.account, site.policy, site.prices(region, types))
    wanted = purpose(run_id, plan, generation, site)
    requests = prepare(wanted, machine, site.account, site.program(), cloud, endpoint=site.endpoint)
    return launch(wanted, requests, cloud, site.run(run_id), sleep=site.sleep, notice=site.notice)
