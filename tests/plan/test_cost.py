"""What a run's machines may cost at most, and the table of prices that comes with the program."""

from __future__ import annotations

from typing import Any

import pytest

from runner.launching.cost import bound, carried
from runner.model import Job, Machine, Queue
from runner.plan import Prices
from runner.plan.cost import AROUND, MOST_RESUMES
from runner.plan.prices import RegionPrices, actual, is_burstable
from tests.project import ROOT

PRICES = Prices(
    regions={"us-east-1": RegionPrices(as_of="2026-11", types={"a.large": 0.5, "b.large": 2.0, "t9.nano": 1})}
)


def queue(*, timeout: float | None = None, provider: str = "ec2", **options: Any) -> Queue:
    job = Job(job_id="a", command="x", timeout=timeout, kill_grace=0.0)
    return Queue(
        queue_id="q", queue_name="q", jobs=(job,), machine=Machine(provider=provider, options=options)
    )


def cost(at: str = "us-east-1", /, **fields: Any) -> Any:
    return bound(queue(**fields), region=at, prices=PRICES)


def test_it_is_the_dearest_type_for_its_whole_life_on_all_machines() -> None:
    made = cost(type="a.large", fallback=["b.large", "a.large"], ttl="2h")
    assert (made.dollars, made.type, made.types) == (12.0, "b.large", ("a.large", "b.large"))
    assert (made.price, made.seconds, made.by, made.machines) == (2.0, 7200, "ttl", 1 + MOST_RESUMES)
    assert made.as_of == "2026-11"


def test_timeouts_that_end_the_run_earlier_bound_it_with_something_around_them() -> None:
    made = cost(type="a.large", ttl="2h", timeout=900.0)
    assert (made.seconds, made.by) == (900 + AROUND, "timeouts")
    assert made.dollars == 0.5 * 0.5 * 3
    assert cost(type="a.large", ttl="30m", timeout=900.0).by == "ttl"
    assert cost(type="a.large", ttl="2h", timeout=7000.0).seconds == 7200, "never longer than the machine"


def test_one_unknown_price_makes_it_unknown() -> None:
    made = cost(type="a.large", fallback=["z.large"])
    assert (made.dollars, made.unknown, made.region) == (None, ("z.large",), "us-east-1")
    assert cost("eu-west-1", type="a.large").unknown == ("a.large",)


def test_without_a_region_nothing_is_known() -> None:
    made = cost("", type="a.large")
    assert (made.dollars, made.unknown, made.region) == (None, (), "")
    assert cost("", type="a.large", region="us-east-1").dollars is not None, "the queue names one"


def test_a_queue_that_names_no_type_gets_an_ordinary_one() -> None:
    made = bound(queue(), region="us-east-1", prices=carried())
    assert made is not None
    assert (made.type, made.seconds) == ("m7i.large", 4 * 3600)
    assert made.dollars == pytest.approx(0.1008 * 4 * 3)


def test_nothing_is_paid_for_a_machine_that_is_there() -> None:
    assert cost(provider="local", type="a.large") is None


def test_burstable_types_are_known_as_such() -> None:
    assert cost(type="t9.nano").is_burstable
    assert not cost(type="a.large").is_burstable
    assert [is_burstable(one) for one in ("t3.micro", "t4g.nano", "trn1.2xlarge", "m7i.large")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_what_it_did_cost_is_by_the_second_a_minute_at_least() -> None:
    assert actual(1800, 0.5) == 0.25
    assert actual(1, 0.5) == pytest.approx(0.5 / 60)


def test_the_carried_table_is_plausible() -> None:
    table = carried()
    assert table.of("m7i.large", "us-east-1") == 0.1008
    assert table.of("m7i.large", "eu-central-1") == 0.12075
    assert table.of("c7i.24xlarge", "us-east-1") == 4.284
    assert table.of("m7i.large", "mars-1") is None
    assert len(table.regions) > 30
    for region, prices in table.regions.items():
        assert prices.as_of == table.as_of(region)
        assert prices.source
        for name, price in prices.types.items():
            family, _, size = name.partition(".")
            assert 0 < price < 700
            larger = prices.types.get(f"{family}.xlarge")
            if size == "large" and larger and not family.startswith("g"):
                assert larger == pytest.approx(2 * price, rel=0.01), (region, name)


def test_the_page_about_costs_says_what_holds() -> None:
    page = (ROOT / "docs" / "costs.md").read_text()
    assert f"{len(carried().regions)} regions" in page
    assert f"To the latter {AROUND / 60:.0f} minutes are added" in page
    assert MOST_RESUMES == 2, "three machines, says the page"


def test_prices_elsewhere_are_of_the_same_order() -> None:
    """A digit that slipped would be seen here."""
    table = carried()
    here = table.regions["us-east-1"].types
    for region, prices in table.regions.items():
        for name, price in prices.types.items():
            assert 0.5 < price / here[name] < 1.7, (region, name)
