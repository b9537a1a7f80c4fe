"""What machines cost an hour. The instance alone: no disk, no address, no traffic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPrices:
    """US dollars an hour by type, on demand, Linux, shared hardware; since when, and from where."""

    as_of: str
    source: str = ""
    types: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """By region. What is not in it is not known."""

    regions: Mapping[str, RegionPrices] = field(default_factory=dict)

    def of(self, type_: str, region: str) -> float | None:
        """None where it is not known."""
        found = self.regions.get(region)
        return found.types.get(type_) if found is not None else None

    def as_of(self, region: str) -> str:
        found = self.regions.get(region)
        return found.as_of if found is not None else ""

    def hourly(self, types: Iterable[str], region: str) -> dict[str, float]:
        """The prices of those that are known."""
        return {one: price for one in types if (price := self.of(one, region)) is not None}


def is_burstable(type_: str) -> bool:
    """What these compute beyond their share is billed besides."""
    return re.match(r"t\d", type_) is not None


def actual(seconds: float, price: float) -> float:
    """Dollars for a machine that lived so long at so much an hour: an upper bound for spot. EC2 bills by the
    second, a minute at least."""
    return price * max(seconds, 60.0) / 3600
