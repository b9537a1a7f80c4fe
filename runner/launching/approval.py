"""Whether a machine may be launched for a queue, by the policy in force and the prices of now."""

from __future__ import annotations

from collections.abc import Callable

from runner.canonical.machine import types_named
from runner.launching import price_cache
from runner.launching.account import Account
from runner.launching.ceilings import check
from runner.launching.cost import carried
from runner.launching.prepare import region_of
from runner.model import Queue
from runner.validate import Policy


def approve(
    queue: Queue,
    account: Account,
    policy: Policy,
    keeper: price_cache.Keeper,
    *,
    fetch: price_cache.Fetch,
    notice: Callable[[str], object] = lambda _: None,
) -> dict[str, float]:
    """What an hour of each type that the queue may get costs, as far as it is known: for the machine's order.

    `keeper` is the account's prefix in its bucket. Raises RefusedError.
    """
    region = region_of(queue.machine, account)
    types = types_named(queue.machine.options)
    prices = price_cache.current(region, types, keeper, fetch=fetch, carried=carried(), notice=notice)
    check(queue, account, policy, prices)
    return prices.hourly(types, region)
