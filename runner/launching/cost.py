"""What a machine may cost at most, and what it did cost. The instance alone: no disk, no traffic."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TABLE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """US dollars an hour, on demand, Linux, by region and type; since when, and from where."""

    as_of: str
    source: str
    regions: Mapping[str, Mapping[str, float]]

    def of(self, type_: str, region: str) -> float | None:
        """None where it is not known."""
        return self.regions.get(region, {}).get(type_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """`dollars` None: unknown, because of the prices of `unknown`. `dearest`: the type that it is about."""

    dollars: float | None
    dearest: str = ""
    unknown: tuple[str, ...] = ()


@functools.cache
def carried() -> Prices:
    """The table that comes with the program: old, and better than nothing."""
    form = json.loads(_TABLE.read_bytes())
    return Prices(as_of=form["as_of"], source=form["source"], regions=form["regions"])


def bound(types: Sequence[str], *, region: str, ttl: float, resumes: int, prices: Prices) -> Bound:
    """On-demand price of the dearest type x ttl (seconds) x all machines that the run may get.

    A spot machine never costs more than an on-demand one. Burstable types (t3) may cost more than this: what
    they compute beyond their share is billed besides.
    """
    known = {one: prices.of(one, region) for one in types}
    unknown = tuple(one for one, price in known.items() if price is None)
    if unknown or not known:
        return Bound(dollars=None, unknown=unknown)
    dearest, price = max(((one, price or 0.0) for one, price in known.items()), key=lambda pair: pair[1])
    return Bound(dollars=price * ttl / 3600 * (1 + resumes), dearest=dearest)


def actual(seconds: float, type_: str, *, region: str, prices: Prices) -> float | None:
    """Dollars for a machine that lived so long, at the on-demand price: an upper bound for spot. EC2 bills
    by the second, a minute at least. None where the price is not known."""
    price = prices.of(type_, region)
    return None if price is None else price * max(seconds, 60.0) / 3600
