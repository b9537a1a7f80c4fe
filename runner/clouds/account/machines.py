"""Types of machines: where they are to be had, and how many of them the account may have."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from botocore import exceptions as sdk

from runner.aws.clients import Client
from runner.aws.failures import code_of
from runner.clouds.account.asking import seen
from runner.clouds.account.facts import Asked, Kind, Quota
from runner.clouds.quotas import QuotaName, quota_of


def kinds(ec2: Client, types: Sequence[str]) -> tuple[Kind, ...]:
    """Those of `types` that the region knows. Raises the SDK's errors."""
    wanted = [{"Name": "instance-type", "Values": list(types)}]
    # A page may be empty, and others follow.
    pages = ec2.get_paginator("describe_instance_types").paginate(Filters=wanted)
    said = [one for page in pages for one in page["InstanceTypes"]]
    pages = ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=wanted
    )
    zones: dict[str, list[str]] = {}
    for one in (one for page in pages for one in page["InstanceTypeOfferings"]):
        zones.setdefault(one["InstanceType"], []).append(one["Location"])
    return tuple(
        Kind(
            name=one["InstanceType"],
            vcpus=int(one.get("VCpuInfo", {}).get("DefaultVCpus", 0)),
            zones=tuple(sorted(zones.get(one["InstanceType"], ()))),
        )
        for one in said
        if one["InstanceType"] in types
    )


def quotas(client: Client, asked: Asked) -> tuple[Quota, ...]:
    """Those that the types fall under, in both markets. A family that is not known here has none."""
    found: dict[QuotaName, list[str]] = {}
    for spot, types in ((False, asked.types), (True, asked.spot)):
        for type_ in types:
            known = quota_of(type_, spot=spot)
            if known is not None:
                found.setdefault(known, []).append(type_)
    return tuple(
        Quota(name=name, types=tuple(types), vcpus=seen(partial(_value, client, name.code)))
        for name, types in found.items()
    )


def _value(client: Client, code: str) -> float:
    """What the account has; where nobody ever changed it there, what all accounts have."""
    named = {"ServiceCode": "ec2", "QuotaCode": code}
    try:
        answer = client.get_service_quota(**named)
    except sdk.ClientError as error:
        if code_of(error) != "NoSuchResourceException":
            raise
        answer = client.get_aws_default_service_quota(**named)
    return float(answer["Quota"]["Value"])
