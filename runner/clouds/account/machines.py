"""Types of machines: where they are to be had, and how many of them the account may have."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runner.clouds.account.asking import seen
from runner.clouds.account.facts import Asked, Kind, Quota
from runner.clouds.ec2.client import Client

_FAMILIES = (
    ("G and VT", r"g|gr|vt", "L-DB2E81BA", "L-3819A6DF"),
    ("P", r"p", "L-417A185B", "L-7212CCBC"),
    ("DL", r"dl", "L-6E869C2A", "L-85EED4F7"),
    ("Trn", r"trn", "L-2C3B7624", "L-6B0D517C"),
    ("Inf", r"inf", "L-1945791B", "L-B5D1601B"),
    ("F", r"f", "L-74FC7D96", "L-88CF9481"),
    ("X", r"x", "L-7295265B", "L-E3A00192"),
    ("standard", r"a|c|d|h|i|im|is|m|r|t|z", "L-1216C47A", "L-34B43A08"),
)
"""Name, letters before the generation, code of the quota on demand, code of that at spot prices."""
_LETTERS = re.compile(r"([a-z]+)\d")


def kinds(ec2: Client, types: Sequence[str]) -> tuple[Kind, ...]:
    """Those of `types` that the region knows. Raises the SDK's errors."""
    wanted = [{"Name": "instance-type", "Values": list(types)}]
    said = ec2.describe_instance_types(Filters=wanted)["InstanceTypes"]
    offered = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=wanted)
    zones: dict[str, list[str]] = {}
    for one in offered["InstanceTypeOfferings"]:
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
    found: dict[str, tuple[str, list[str]]] = {}
    for spot, types in ((False, asked.types), (True, asked.spot)):
        for type_ in types:
            for name, code in _quota_of(type_, spot=spot):
                found.setdefault(code, (name, []))[1].append(type_)
    return tuple(
        Quota(
            code=code,
            name=name,
            types=tuple(types),
            vcpus=seen(lambda code=code: float(_value(client, code))),  # type: ignore[misc]
        )
        for code, (name, types) in found.items()
    )


def _value(client: Client, code: str) -> float:
    return float(client.get_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]["Value"])


def _quota_of(type_: str, *, spot: bool) -> list[tuple[str, str]]:
    letters = _LETTERS.match(type_)
    market = "spot" if spot else "on-demand"
    return [
        (f"{name} machines, {market}", at_spot if spot else on_demand)
        for name, pattern, on_demand, at_spot in _FAMILIES
        if letters and re.fullmatch(pattern, letters[1])
    ]
