"""Prices of now for a launch: kept in the bucket, asked for again when old, and never in the way."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from runner.errors import CloudError, StoreError
from runner.launching.price_cache import FRESH, current, name_of
from runner.plan import Prices
from runner.plan.prices import RegionPrices

REGION = "eu-central-1"
CARRIED = Prices(regions={REGION: RegionPrices(as_of="2025-03", types={"a.large": 0.3, "b.large": 0.6})})
NOW = 1_800_000_000.0  # 2027-01-15


@dataclass(frozen=True)
class Body:
    body: bytes


@dataclass
class Shelf:
    """`trouble`: what cannot be done with it."""

    held: dict[str, bytes] = field(default_factory=dict)
    clock: float = NOW
    trouble: str = ""

    def get(self, name: str) -> Body | None:
        if "get" in self.trouble:
            raise StoreError("cannot read s3://bucket")
        return Body(self.held[name]) if name in self.held else None

    def put(self, name: str, body: bytes) -> None:
        if "put" in self.trouble:
            raise StoreError("cannot write s3://bucket")
        self.held[name] = body

    def now(self) -> float:
        return self.clock


@dataclass
class List:
    """AWS's list of prices; None: it does not answer."""

    prices: dict[str, float] | None = field(default_factory=lambda: {"a.large": 0.31, "c.large": 0.9})
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def __call__(self, region: str, types: Iterable[str]) -> dict[str, float]:
        self.asked.append(tuple(types))
        if self.prices is None:
            raise CloudError("cannot ask what a.large costs: pricing:GetProducts is denied")
        return {one: self.prices[one] for one in self.asked[-1] if one in self.prices}


def known(shelf: Shelf, prices: List, *types: str, said: list[str] | None = None) -> Prices:
    notices = said if said is not None else []
    return current(REGION, types, shelf, fetch=prices, carried=CARRIED, notice=notices.append)


def test_what_is_fresh_is_asked_for_once_a_week() -> None:
    shelf, prices = Shelf(), List()
    assert known(shelf, prices, "a.large").of("a.large", REGION) == 0.31
    shelf.clock += FRESH - 1
    found = known(shelf, prices, "a.large")
    assert (found.of("a.large", REGION), found.as_of(REGION)) == (0.31, "2027-01-15")
    assert prices.asked == [("a.large",)]
    shelf.clock += 2
    prices.prices = {"a.large": 0.35}
    assert known(shelf, prices, "a.large").of("a.large", REGION) == 0.35
    assert prices.asked == [("a.large",)] * 2


def test_only_what_is_missing_is_asked_for_and_the_rest_stays() -> None:
    shelf, prices = Shelf(), List()
    known(shelf, prices, "a.large")
    known(shelf, prices, "a.large", "c.large", "c.large")
    assert prices.asked == [("a.large",), ("c.large",)]
    assert json.loads(shelf.held[name_of(REGION)])["types"].keys() == {"a.large", "c.large"}


def test_a_type_that_aws_has_no_price_for_has_the_carried_one_and_its_date() -> None:
    found = known(Shelf(), List(), "a.large", "b.large")
    assert found.hourly(["a.large", "b.large"], REGION) == {"a.large": 0.31, "b.large": 0.6}
    assert found.as_of(REGION) == "2025-03"


def test_old_prices_are_better_than_carried_ones() -> None:
    shelf, prices, said = Shelf(), List(), list[str]()
    known(shelf, prices, "a.large")
    shelf.clock += 90 * 86400
    prices.prices = None
    found = known(shelf, prices, "a.large", said=said)
    assert (found.of("a.large", REGION), found.as_of(REGION)) == (0.31, "2027-01-15")
    assert said == ["older prices are used: cannot ask what a.large costs: pricing:GetProducts is denied"]


def test_carried_ones_are_better_than_none() -> None:
    assert known(Shelf(), List(prices=None), "a.large").hourly(["a.large"], REGION) == {"a.large": 0.3}
    assert known(Shelf(), List(prices=None), "z.large").of("z.large", REGION) is None


@pytest.mark.parametrize("trouble", ["get", "put", "get, put"])
def test_a_bucket_that_does_not_work_costs_nothing_but_the_asking(trouble: str) -> None:
    said: list[str] = []
    assert known(Shelf(trouble=trouble), List(), "a.large", said=said).of("a.large", REGION) == 0.31
    assert len(said) == trouble.count(",") + 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff", b"[]", b"{}", b"[" * 300_000,
        b'{"version": 2, "currency": "USD", "types": {"a.large": {"price": 9, "at": 9e99}}}',
        b'{"version": 1, "currency": "EUR", "types": {"a.large": {"price": 9, "at": 9e99}}}',
        b'{"version": 1, "currency": "USD", "types": {"a.large": {"price": -9, "at": 9e99}}}',
        b'{"version": 1, "currency": "USD", "types": {"a.large": {"price": "x", "at": 9e99}}}',
    ],
    ids=range(9),
)  # fmt: skip
def test_what_is_no_such_file_is_written_anew(body: bytes) -> None:
    shelf = Shelf(held={name_of(REGION): body})
    assert known(shelf, List(), "a.large").of("a.large", REGION) == 0.31
    assert json.loads(shelf.held[name_of(REGION)])["types"]["a.large"] == {"price": 0.31, "at": NOW}


def test_without_a_region_nothing_is_asked() -> None:
    shelf, prices = Shelf(trouble="get, put"), List()
    found = current("", ["a.large"], shelf, fetch=prices, carried=CARRIED)
    assert (found.of("a.large", ""), prices.asked) == (None, [])
