"""Which quota of an account bounds a machine, and what is said when it is used up."""

from __future__ import annotations

import dataclasses

import pytest
from botocore.exceptions import ClientError, NoRegionError

from runner.clouds.quotas import hints, quota_of
from runner.clouds.trouble import told
from runner.errors import CapacityError, CloudRefusedError


@pytest.mark.parametrize(
    ("type_", "on_demand", "on_spot"),
    [
        ("m7i.large", "L-1216C47A", "L-34B43A08"),
        ("t4g.nano", "L-1216C47A", "L-34B43A08"),
        ("im4gn.large", "L-1216C47A", "L-34B43A08"),
        ("hpc7a.12xlarge", "L-F7808C92", ""),
        ("g5.xlarge", "L-DB2E81BA", "L-3819A6DF"),
        ("gr6.4xlarge", "L-DB2E81BA", "L-3819A6DF"),
        ("vt1.3xlarge", "L-DB2E81BA", "L-3819A6DF"),
        ("p4d.24xlarge", "L-417A185B", "L-7212CCBC"),
        ("p5en.48xlarge", "L-417A185B", "L-C4BD4855"),
        ("p6-b200.48xlarge", "L-417A185B", ""),
        ("dl1.24xlarge", "L-6E869C2A", "L-85EED4F7"),
        ("trn1.2xlarge", "L-2C3B7624", "L-6B0D517C"),
        ("inf2.xlarge", "L-1945791B", "L-B5D1601B"),
        ("x2gd.large", "L-7295265B", "L-E3A00192"),
        ("u7i-12tb.224xlarge", "", ""),
        ("", "", ""),
    ],
)
def test_the_family_and_the_market_decide(type_: str, on_demand: str, on_spot: str) -> None:
    found = [quota_of(type_, spot=spot) for spot in (False, True)]
    assert [one.code if one is not None else "" for one in found] == [on_demand, on_spot]


def refused(code: str, type_: str, *, spot: bool = False) -> CapacityError:
    refusal = ClientError({"Error": {"Code": code, "Message": "no"}}, "RunInstances")
    known = hints(type_, spot=spot, region="eu-west-1")
    with pytest.raises(CapacityError) as caught, told(f"launch {type_}", writes=True, hints=known):
        raise refusal
    return caught.value


def test_a_used_up_quota_is_named_with_the_page_where_it_is_raised() -> None:
    error = refused("VcpuLimitExceeded", "g5.2xlarge")
    assert error.message.startswith("cannot launch g5.2xlarge: the account's quota of vCPUs for this family")
    assert error.hint == (
        "ask for more of the quota for G and VT machines, on-demand in eu-west-1 (this one takes 8 vCPUs): "
        "https://eu-west-1.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-DB2E81BA"
    )
    assert "spot in eu-west-1" in refused("MaxSpotInstanceCountExceeded", "m7i.large", spot=True).hint


def test_where_the_family_is_not_known_all_quotas_are_shown() -> None:
    assert refused("VcpuLimitExceeded", "u7i-12tb.224xlarge").hint.endswith("/services/ec2/quotas")


def test_other_refusals_keep_their_hints() -> None:
    error = refused("InsufficientInstanceCapacity", "m7i.large")
    assert "machine.fallback" in error.hint
    known = hints("m7i.large", spot=False, region="")
    with pytest.raises(CloudRefusedError, match="no AWS region is set"), told("x", hints=known):
        raise NoRegionError


def test_without_a_region_the_page_asks_for_it() -> None:
    found = quota_of("m7i.large", spot=False)
    assert found is not None
    assert found.page("").startswith("https://console.aws.amazon.com/")
    assert str(dataclasses.replace(found, spot=True)) == "standard machines, spot"
