"""What machines cost now, from the AWS Price List: Linux, on demand, shared hardware, nothing installed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.parsers import ResponseParserError

from runner.aws.clients import Client, Settings
from runner.clouds.client import connect
from runner.clouds.trouble import told
from runner.errors import CloudError

_SETTINGS = Settings(region="us-east-1", connect_timeout=3.0, read_timeout=10.0, tries=2)
"""The list of all regions is kept there. Nobody waits long for it: there are older prices at hand."""
_SECONDS = 20.0
_MATCHING = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "operation": "RunInstances",
}
_MARKET = "OnDemand"
_HOURS = frozenset({"hrs", "hours", "hour"})


def fetch(region: str, types: Iterable[str], *, client: Client | None = None) -> dict[str, float]:
    """US dollars an hour by type. Types that the list does not have in this region are left out, and so are
    those that there was no time for. Raises CloudError."""
    asking = client if client is not None else connect("pricing", _SETTINGS)
    until = time.monotonic() + _SECONDS
    found = {}
    for type_ in types:
        if time.monotonic() > until:
            break
        price = _price(asking, region, type_)
        if price is not None:
            found[type_] = price
    return found


def _price(client: Client, region: str, type_: str) -> float | None:
    """The highest where the list has several: what is made of it is a bound."""
    wanted = {"instanceType": type_, "regionCode": region, **_MATCHING}
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
    with told(f"ask what {type_} costs"):
        try:
            pages = client.get_paginator("get_products").paginate(ServiceCode="AmazonEC2", Filters=filters)
            products = [product for page in pages for product in page["PriceList"]]
        except ResponseParserError as error:
            raise CloudError(f"cannot ask what {type_} costs: the answer cannot be read") from error
    return max((price for product in products for price in _hourly(product)), default=None)


def _hourly(raw: str) -> Iterator[float]:
    """The prices of one product; none where it is no machine by the hour, or is not sold in dollars."""
    try:
        product = json.loads(raw)
        # Machines can be had for a block of time that is paid beforehand; an hour of these costs nothing.
        if product["product"]["attributes"].get("marketoption", _MARKET) != _MARKET:
            return
        for offer in product["terms"].get("OnDemand", {}).values():
            yield from filter(None, map(_dollars, offer["priceDimensions"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CloudError("the AWS Price List has an entry of another form") from error


def _dollars(dimension: Mapping[str, Any]) -> float | None:
    if str(dimension.get("unit", "")).lower() not in _HOURS:
        return None
    price = float(dimension["pricePerUnit"].get("USD", 0.0))
    return price if 0 < price < float("inf") else None
