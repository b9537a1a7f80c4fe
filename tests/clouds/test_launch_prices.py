"""A launch by the prices of now: kept in the bucket, told to the machine, held against the limit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from runner.bundle.order import from_json
from runner.launching.cost import carried
from runner.launching.price_cache import current
from runner.machines.beginning import begin
from runner.machines.standing import Standing
from runner.plan import Prices
from runner.validate import Policy
from tests.aws import Aws
from tests.builders import job, queue
from tests.machines.world import EC2, MachineWorld

pytestmark = pytest.mark.slow


class PriceList:
    """AWS's, where the machine has become dearer."""

    def __init__(self, price: float) -> None:
        self.price = price
        self.asked = 0

    def __call__(self, _region: str, types: Iterable[str]) -> dict[str, float]:
        self.asked += 1
        return dict.fromkeys(types, self.price)


@pytest.fixture
def world(aws: Aws, tmp_path: Path) -> MachineWorld:
    return MachineWorld(aws, tmp_path)


def by(world: MachineWorld, prices: PriceList, policy: Policy | None = None) -> None:
    def now(region: str, types: Sequence[str]) -> Prices:
        return current(region, types, world.site.root, fetch=prices, carried=carried())

    world.site = replace(world.site, prices=now, policy=policy)


def test_the_machine_is_told_what_it_costs_and_the_bucket_keeps_it(world: MachineWorld) -> None:
    prices = PriceList(0.2)
    by(world, prices, Policy(max_cost=1.0))
    begin(world.beginning(), world.site)
    order = world.run.get("order/1.json")
    assert order is not None
    assert from_json(order.body, "order").prices == {"m7i.large": 0.2}
    kept = world.site.root.get("prices/us-east-1.json")
    assert kept is not None
    assert json.loads(kept.body)["types"]["m7i.large"]["price"] == 0.2
    assert prices.asked == 1, "asked for the order, and found for the policy"


def test_a_machine_that_became_too_dear_is_not_launched(world: MachineWorld) -> None:
    by(world, PriceList(0.5), Policy(max_cost=1.0))
    begun = begin(world.beginning(queue(job("a"), machine=EC2)), world.site)
    assert begun.standing is Standing.OVER
    assert "to cost at most $1.00, and this one may cost at most $1.50 (m7i.large" in begun.said
    assert world.cloud.living() == []
