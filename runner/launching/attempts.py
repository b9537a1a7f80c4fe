"""Which machines to ask for, in which order, until one is to be had."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from runner.canonical.machine import architecture_of, is_spot, types_named
from runner.errors import UsageError
from runner.launching.account import Account
from runner.model import Machine
from runner.ports import Image
from runner.units import parse_size
from runner.validate.ceilings import DEFAULT_DISK

_GIB = 1 << 30
_UBUNTU = "/aws/service/canonical/ubuntu/server/24.04/stable/current/{}/hvm/ebs-gp3/ami-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`subnet` "": the cloud's own choice."""

    type: str
    spot: bool = False
    subnet: str = ""


def plan_of_attempts(machine: Machine, account: Account) -> list[Attempt]:
    """Spot before on-demand where the queue asks for spot; the types as written; each in every subnet.

    Raises UsageError where types need different images.
    """
    types = types_of(machine)
    own = str(machine.options.get("subnet") or "")
    subnets = (own,) if own else account.subnets or ("",)
    markets = (True, False) if is_spot(machine.options) else (False,)
    wanted = itertools.product(markets, types, dict.fromkeys(subnets))
    return [Attempt(type=type_, spot=spot, subnet=subnet) for spot, type_, subnet in wanted]


def types_of(machine: Machine) -> tuple[str, ...]:
    """All types that the machine may have, each once."""
    found = types_named(machine.options)
    if len({architecture_of(one) for one in found}) > 1:
        arm = ", ".join(one for one in found if architecture_of(one) == "arm64")
        raise UsageError(
            f"one image cannot boot all of {', '.join(found)}: {arm} are ARM machines, the others are not",
            hint="name types of one architecture in `machine.type` and `machine.fallback`",
        )
    return found


def image_name(machine: Machine) -> str:
    """What the queue names, else where the newest Ubuntu 24.04 is published."""
    named = machine.options.get("ami")
    if named:
        return str(named)
    return _UBUNTU.format("arm64" if architecture_of(types_of(machine)[0]) == "arm64" else "amd64")


def disk_of(machine: Machine, image: Image) -> int:
    """GiB, never less than the image needs."""
    asked = parse_size(machine.options.get("disk") or 0) or 0
    return max(math.ceil((asked or DEFAULT_DISK) / _GIB), image.disk)
