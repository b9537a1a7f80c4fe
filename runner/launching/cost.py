"""The prices that come with the program, and what a run's machines may cost by whatever prices there are."""

from __future__ import annotations

import functools

from runner.launching.offers import table
from runner.model import Queue
from runner.plan import analyse
from runner.plan.cost import Cost, cost_of
from runner.plan.prices import Prices, RegionPrices


@functools.cache
def carried() -> Prices:
    """The table that comes with the program: old, and better than nothing."""
    form = table()
    sources = form["sources"]
    return Prices(
        regions={
            region: RegionPrices(as_of=one["as_of"], source=sources[one["source"]], types=one["types"])
            for region, one in form["regions"].items()
        }
    )


def bound(queue: Queue, *, region: str, prices: Prices) -> Cost | None:
    """As the plan shows it, see `cost_of`."""
    return cost_of(queue, analyse(queue).bound, region=region, prices=prices)
