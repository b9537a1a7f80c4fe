"""Runs that have no machine yet: what they would run, and whom they wait for.

`wanted.json`, below the run's own place, is the order that its first generation gets. Between it and the
order there may be any time: a run that waits has no machine.
"""

from __future__ import annotations

from runner.bundle.order import MachineOrder, from_json, to_json
from runner.machines.site import Site
from runner.model import Plan

NAME = "wanted.json"


def want(run_id: str, order: MachineOrder, site: Site) -> None:
    """The first word counts. Raises StoreError."""
    site.run(run_id).create(NAME, to_json(order))


def wanted(run_id: str, site: Site) -> MachineOrder | None:
    found = site.run(run_id).get(NAME)
    return from_json(found.body, NAME) if found is not None else None


def behind(run_id: str, plan: Plan, site: Site) -> str:  # noqa: ARG001  there are no groups yet
    """The run that this one waits for, "" where it may begin."""
    return ""
