"""Prices of now for a launch: those that the bucket keeps, asked for again when they are old.

Whatever fails, there is another source: fresh prices, then older ones of the bucket, then those that come
with the program. Never an error: what is known of the cost may be poorer, and what says so is its date.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from runner.errors import CloudError, StoreError
from runner.plan.prices import Prices, RegionPrices

FOLDER = "prices/"
FRESH = 7 * 86400.0
_LARGEST = 256 << 10
_MOST = 1000
"""Types of a region that are kept."""
Fetch = Callable[[str, Iterable[str]], Mapping[str, float]]
"""Region and types to US dollars an hour of those that are known. Raises CloudError."""


class Entry(Protocol):
    @property
    def body(self) -> bytes: ...


class Keeper(Protocol):
    """The account's prefix. `now`: seconds since the epoch by its clock, as of the last answer."""

    def get(self, name: str) -> Entry | None: ...

    def put(self, name: str, body: bytes) -> None: ...

    def now(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """`at`: when it was asked for, in seconds since the epoch."""

    price: float
    at: float


def name_of(region: str) -> str:
    return f"{FOLDER}{region}.json"


def region_of(name: str) -> str:
    """The region whose prices are kept under this name: machines were asked for there."""
    return name.removeprefix(FOLDER).removesuffix(".json")


def current(
    region: str,
    types: Iterable[str],
    keeper: Keeper,
    *,
    fetch: Fetch,
    carried: Prices,
    notice: Callable[[str], object] = lambda _: None,
) -> Prices:
    """The best that is known of these types in this region, and nothing else."""
    wanted = tuple(dict.fromkeys(types))
    kept, now = _kept(region, keeper, notice)
    old = [one for one in wanted if one not in kept or now - kept[one].at > FRESH]
    fresh = _asked(region, old, fetch, now, notice) if old and region else {}
    if fresh:
        kept |= fresh
        _keep(region, kept, keeper, notice)
    return _chosen(region, wanted, kept, carried)


def _kept(region: str, keeper: Keeper, notice: Callable[[str], object]) -> tuple[dict[str, _Known], float]:
    try:
        found = keeper.get(name_of(region)) if region else None
    except StoreError as error:
        notice(f"the prices that are kept cannot be read: {error.message}")
        return {}, time.time()
    return _read(found.body) if found is not None else {}, keeper.now() or time.time()


def _asked(
    region: str, types: list[str], fetch: Fetch, now: float, notice: Callable[[str], object]
) -> dict[str, _Known]:
    try:
        return {one: _Known(price=price, at=now) for one, price in fetch(region, types).items()}
    except CloudError as error:
        notice(f"older prices are used: {error.message}")
        return {}


def _keep(region: str, known: Mapping[str, _Known], keeper: Keeper, notice: Callable[[str], object]) -> None:
    try:
        keeper.put(name_of(region), _written(known))
    except StoreError as error:
        notice(f"the prices of now cannot be kept: {error.message}")


def _chosen(region: str, wanted: tuple[str, ...], kept: Mapping[str, _Known], carried: Prices) -> Prices:
    """The date is that of the oldest price that is used."""
    found = {one: kept[one].price for one in wanted if one in kept}
    others = carried.hourly((one for one in wanted if one not in kept), region)
    dates = [_date(kept[one].at) for one in found] + ([carried.as_of(region)] if others else [])
    return Prices(regions={region: RegionPrices(as_of=min(dates, default=""), types={**found, **others})})


def _date(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def _written(known: Mapping[str, _Known]) -> bytes:
    newest = sorted(known.items(), key=lambda pair: -pair[1].at)[:_MOST]
    types = {name: {"price": one.price, "at": round(one.at)} for name, one in sorted(newest)}
    return json.dumps({"version": 1, "currency": "USD", "types": types}, indent=1).encode() + b"\n"


def _read(raw: bytes) -> dict[str, _Known]:
    """Nothing where it is no such file: then it is written anew."""
    try:
        form = json.loads(raw[: _LARGEST + 1])
        types = form["types"] if form["version"] == 1 and form["currency"] == "USD" else {}
        return {
            str(name): _Known(price=_positive(one["price"]), at=float(one["at"]))
            for name, one in types.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _positive(value: Any) -> float:
    price = float(value)
    if not 0 < price < 1e6:
        raise ValueError("no price")
    return price
