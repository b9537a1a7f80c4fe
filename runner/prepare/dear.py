"""The most that the policy lets a run cost: known once there is a whole queue, with its timeouts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runner.canonical.machine import machine_of
from runner.config import Config
from runner.model import Queue
from runner.problems import Problem, Route


def too_dear(make: Callable[[], Queue], tree: Any, config: Config) -> list[Problem]:
    """By the prices that come with the program. The queue is made only where there is a limit for it."""
    limit = config.policy.max_cost
    if limit is None or machine_of(tree, config.machine).provider != "ec2":
        return []
    # Few repositories set a limit, and without one nothing that only validates has a use for plans.
    from runner.launching.ceilings import beyond_cost  # noqa: PLC0415
    from runner.launching.cost import bound, carried  # noqa: PLC0415

    cost = bound(make(), region=config.account.region, prices=carried())
    found = beyond_cost(cost, limit)
    if found is None:
        return []
    route = _route(tree, found.field)
    return [Problem(rule="policy", message=found.message, hint=found.hint, route=route)]


def _route(tree: Any, name: str) -> Route:
    """To the field, to `machine`, or to the whole file where the machine comes from the configuration."""
    own = tree.get("machine") if isinstance(tree, Mapping) else None
    if not isinstance(own, Mapping):
        return ()
    return ("machine", name) if name in own else ("machine",)
