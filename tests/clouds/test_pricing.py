"""The AWS Price List: what is asked of it, and what its answers become.

No emulator has it. The answers have the shape of the SDK's own example and of the documented attributes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.parsers import ResponseParserError
from botocore.stub import Stubber

from runner.aws.clients import Settings
from runner.clouds.client import connect
from runner.clouds.pricing import fetch
from runner.errors import CloudBusyError, CloudError, CloudRefusedError
from tests.aws import isolate

pytestmark = pytest.mark.slow


@pytest.fixture
def stubber(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    isolate(monkeypatch, "http://127.0.0.1:9")
    with Stubber(connect("pricing", Settings(region="us-east-1", tries=1))) as stub:
        yield stub


def product(*prices: str, unit: str = "Hrs", currency: str = "USD", **attributes: str) -> str:
    """An entry of `PriceList`: JSON inside of JSON."""
    sku = "WQGC34PB2AWS8R4U"
    dimensions = {
        f"{sku}.JRTCKXETXF.{i}": {
            "unit": unit,
            "beginRange": "0",
            "endRange": "Inf",
            "description": "$0.12075 per On Demand Linux m7i.large Instance Hour",
            "appliesTo": [],
            "rateCode": f"{sku}.JRTCKXETXF.{i}",
            "pricePerUnit": {currency: price},
        }
        for i, price in enumerate(prices)
    }
    about = {
        "instanceType": "m7i.large", "regionCode": "eu-central-1", "location": "EU (Frankfurt)",
        "operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used",
        "operation": "RunInstances", "servicecode": "AmazonEC2", **attributes,
    }  # fmt: skip
    offer = {
        "priceDimensions": dimensions,
        "sku": sku,
        "effectiveDate": "2026-11-01T00:00:00Z",
        "offerTermCode": "JRTCKXETXF",
        "termAttributes": {},
    }
    entry = {
        "product": {"productFamily": "Compute Instance", "attributes": about, "sku": sku},
        "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": offer}, "Reserved": {}},
        "version": "20261120012345",
        "publicationDate": "2026-11-20T01:23:45Z",
    }
    return json.dumps(entry)


def asked(type_: str, region: str = "eu-central-1") -> dict[str, Any]:
    wanted = {
        "instanceType": type_, "regionCode": region, "operatingSystem": "Linux", "tenancy": "Shared",
        "preInstalledSw": "NA", "capacitystatus": "Used", "operation": "RunInstances",
    }  # fmt: skip
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
    return {"ServiceCode": "AmazonEC2", "Filters": filters}


def answer(*products: str, **more: str) -> dict[str, Any]:
    return {"FormatVersion": "aws_v1", "PriceList": list(products), **more}


def of(stubber: Stubber, *products: str) -> dict[str, float]:
    stubber.add_response("get_products", answer(*products), asked("m7i.large"))
    return fetch("eu-central-1", ["m7i.large"], client=stubber.client)


def test_each_type_is_asked_for_once_and_unknown_ones_are_left_out(stubber: Stubber) -> None:
    stubber.add_response("get_products", answer(product("0.1207500000")), asked("m7i.large"))
    stubber.add_response("get_products", answer(), asked("p99.large"))
    assert fetch("eu-central-1", ["m7i.large", "p99.large"], client=stubber.client) == {"m7i.large": 0.12075}
    stubber.assert_no_pending_responses()


def test_all_pages_are_read(stubber: Stubber) -> None:
    stubber.add_response("get_products", answer(NextToken="more"), asked("m7i.large"))
    following = {**asked("m7i.large"), "NextToken": "more"}
    stubber.add_response("get_products", answer(product("0.12")), following)
    assert fetch("eu-central-1", ["m7i.large"], client=stubber.client) == {"m7i.large": 0.12}


def test_the_highest_of_several_counts(stubber: Stubber) -> None:
    assert of(stubber, product("0.12", "0.00"), product("0.13")) == {"m7i.large": 0.13}


@pytest.mark.parametrize(
    "other",
    [
        product("31.46", marketoption="CapacityBlock"),
        product("0.0000000000"),
        product("0.85", currency="CNY"),
        product("12.5", unit="Quantity"),
    ],
    ids=["block", "nothing", "yuan", "not-by-the-hour"],
)
def test_what_is_no_price_by_the_hour_is_none(stubber: Stubber, other: str) -> None:
    assert of(stubber, other) == {}


def test_a_product_says_that_it_is_on_demand(stubber: Stubber) -> None:
    assert of(stubber, product("0.12", marketoption="OnDemand")) == {"m7i.large": 0.12}


@pytest.mark.parametrize(
    "odd", ["", "[]", "{}", '{"product": {"attributes": {}}, "terms": {"OnDemand": {"x": 1}}}']
)
def test_an_entry_of_another_form_is_an_error_of_the_cloud(stubber: Stubber, odd: str) -> None:
    with pytest.raises(CloudError, match="entry of another form"):
        of(stubber, odd)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [("AccessDeniedException", 400, CloudRefusedError), ("InternalErrorException", 500, CloudBusyError)],
)
def test_a_refusal_is_a_sentence(stubber: Stubber, code: str, status: int, kind: type[CloudError]) -> None:
    stubber.add_client_error("get_products", code, "no", http_status_code=status)
    with pytest.raises(kind, match=r"cannot ask what m7i\.large costs"):
        fetch("eu-central-1", ["m7i.large"], client=stubber.client)


def test_an_answer_that_is_no_answer_is_an_error_of_the_cloud(stubber: Stubber) -> None:
    class Odd:
        def paginate(self, **_: Any) -> Iterator[Any]:
            raise ResponseParserError("not JSON")

    class Client:
        def get_paginator(self, _: str) -> Odd:
            return Odd()

    with pytest.raises(CloudError, match="cannot be read"):
        fetch("eu-central-1", ["m7i.large"], client=Client())
