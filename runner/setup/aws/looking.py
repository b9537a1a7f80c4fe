"""What the settings and the queues ask of AWS, and what is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.clouds.account.facts import Asked
from runner.clouds.opening import look_at_account
from runner.config import Config
from runner.errors import UsageError
from runner.launching.attempts import image_name, plan_of_attempts, types_of
from runner.launching.cost import carried
from runner.launching.prepare import region_of
from runner.model import Machine
from runner.setup.facts import Aws

_LIMITS = ("machine_types", "max_ttl", "max_cost")


def look(settings: Config, machines: Sequence[Machine]) -> Aws | None:
    """`machines`: of the queues. None where nobody speaks of AWS."""
    on_ec2 = [one for one in machines if one.provider == "ec2"]
    if not settings.has_aws and not on_ec2:
        return None
    asked = _asked(settings, list(_here(settings, on_ec2)))
    prices = carried()
    regions = {region_of(one, settings.account) for one in on_ec2} - {settings.account.region}
    return Aws(
        named=settings.has_aws,
        account=settings.account,
        unlimited=tuple(name for name in _LIMITS if getattr(settings.policy, name) is None),
        elsewhere=tuple(sorted(regions)),
        unpriced=tuple(
            name for name in asked.types if asked.region and prices.of(name, asked.region) is None
        ),
        found=look_at_account(asked),
    )


def _here(settings: Config, machines: Sequence[Machine]) -> Iterator[Machine]:
    """Those in the account's region that can be launched at all; else what a queue gets by default."""
    usable = []
    for one in machines:
        try:
            types_of(one)
        except UsageError:
            continue  # what is wrong with the file is said where files are
        if region_of(one, settings.account) == settings.account.region:
            usable.append(one)
    configured = dict(settings.machine)
    own = configured.pop("provider", "") == "ec2"
    yield from usable or [Machine(provider="ec2", options=configured if own else {})]


def _asked(settings: Config, machines: Sequence[Machine]) -> Asked:
    account = settings.account
    attempts = [one for machine in machines for one in plan_of_attempts(machine, account)]
    return Asked(
        region=account.region,
        bucket=account.bucket,
        prefix=account.prefix,
        role=account.role,
        profile=account.instance_profile,
        subnets=tuple(dict.fromkeys([*account.subnets, *(one.subnet for one in attempts if one.subnet)])),
        security_group=account.security_group,
        types=tuple(dict.fromkeys(one.type for one in attempts)),
        spot=tuple(dict.fromkeys(one.type for one in attempts if one.spot)),
        images=tuple(dict.fromkeys(image_name(one) for one in machines)),
    )
