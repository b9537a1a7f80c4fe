"""What the machines of a run can cost at most, from the plan alone.

On-demand price of the dearest type that the run may get, for the longest that a machine may live, on every
machine that comes without anybody asking. A spot machine never costs more than an on-demand one.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.canonical.machine import DEFAULT_TTL, region_named, ttl_of, types_named
from runner.model import Machine, Queue
from runner.plan.facts import Bound
from runner.plan.prices import Prices, is_burstable

MOST_RESUMES = 2
"""Machines that a run gets after its first one was lost, until somebody asks for more."""
AROUND = 900.0
"""Seconds that a machine may live beyond its jobs' time: it boots, fetches, stores, and ends itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """`dollars` is None where it is unknown: no `region` is known, or no price for the types in `unknown`.

    `type` is the dearest of `types`, for `price` dollars an hour; each of the `machines` lives at most
    `seconds`. `by` is what bounds that: `ttl`, or `timeouts` (and `AROUND`). `as_of` dates the prices.
    """

    dollars: float | None
    types: tuple[str, ...]
    region: str
    type: str = ""
    price: float = 0.0
    seconds: float = DEFAULT_TTL
    by: str = "ttl"
    machines: int = 1 + MOST_RESUMES
    as_of: str = ""
    unknown: tuple[str, ...] = ()

    @property
    def is_burstable(self) -> bool:
        return any(map(is_burstable, self.types))


def cost_of(queue: Queue, bound: Bound, *, region: str, prices: Prices) -> Cost | None:
    """None for a queue that runs on no machine of EC2. `region`: where machines are that name none."""
    machine = queue.machine
    if machine.provider != "ec2":
        return None
    types = types_named(machine.options)
    region = region_named(machine.options, region)
    seconds, by = _longest(machine, bound)
    known = prices.hourly(types, region)
    unknown = tuple(one for one in types if one not in known) if region else ()
    cost = Cost(dollars=None, types=types, region=region, seconds=seconds, by=by, unknown=unknown)
    if unknown or not known:
        return cost
    dearest = max(types, key=known.__getitem__)
    return Cost(
        dollars=known[dearest] * seconds / 3600 * cost.machines,
        types=types,
        region=region,
        type=dearest,
        price=known[dearest],
        seconds=seconds,
        by=by,
        as_of=prices.as_of(region),
    )


def _longest(machine: Machine, bound: Bound) -> tuple[float, str]:
    ttl = ttl_of(machine)
    if bound.seconds is None or bound.seconds + AROUND >= ttl:
        return ttl, "ttl"
    return bound.seconds + AROUND, "timeouts"
