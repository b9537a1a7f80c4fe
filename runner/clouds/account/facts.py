"""What was found in an account: complete, frozen, without an opinion.

`None` stands for what is not there, `Unseen` for what could not be looked at, `Refused` for a no of AWS.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.clouds.quotas import QuotaName
from runner.ports import Image

INTERNET = "an internet gateway"
"""What leads out of a subnet, for machines with a public address alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """`why`: half a sentence, such as `iam:GetRole is denied to these credentials`."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What AWS said no to, in a sentence, and what to do."""

    what: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unasked:
    """The account was not looked at at all. `failed`: there are credentials, and they are no good."""

    why: str
    fix: str
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to look at; "" and nothing: what the settings do not name. `images` as queues name them.

    `types` are all that machines may have, `spot` those of them that are wanted at spot prices.
    """

    region: str = ""
    bucket: str = ""
    prefix: str = ""
    role: str = ""
    profile: str = ""
    subnets: tuple[str, ...] = ()
    security_group: str = ""
    types: tuple[str, ...] = ()
    spot: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    account: str
    arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """`expiring`: prefixes below which objects end by themselves. `aborting`: so do unfinished uploads.

    `conditional`: whether of two writes under one name the second is refused.
    """

    region: str
    encrypted: bool | Unseen
    closed: bool | Unseen
    expiring: tuple[str, ...] | Unseen
    aborting: bool | Unseen
    conditional: bool | Unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One line of `Condition`: `StringEquals`, `token.actions.githubusercontent.com:sub`, values."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Of a trust policy. `federated` and `services` are its principals of these kinds."""

    allows: bool
    actions: tuple[str, ...]
    federated: tuple[str, ...]
    services: tuple[str, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What AWS says that a role may do, by its own policies and its boundary."""

    action: str
    resource: str
    allowed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    arn: str
    trust: tuple[Statement, ...]
    rights: tuple[Right, ...] | Unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who may vouch for others in this account. `audiences`: whom its tokens may be for."""

    arn: str
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`role` is None where the profile carries none."""

    name: str
    role: Role | Unseen | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """`out`: what leads out of it, "" where nothing does. `s3`: whether an endpoint leads to S3."""

    id: str
    vpc: str
    zone: str
    public_ip: bool
    free: int
    out: str
    s3: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """`subnets` are those that were named, else those of the default network; `default` is "" without one."""

    default: str
    subnets: tuple[Subnet, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A security group that lets nobody in. `outbound`: how many rules it has for what goes out."""

    id: str
    vpc: str
    outbound: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A type of machine. `zones`: where in the region it is to be had."""

    name: str
    vcpus: int
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How many vCPUs machines of a family may have at once. `types`: those of the queues that it is about."""

    name: QuotaName
    types: tuple[str, ...]
    vcpus: float | Unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Of `asked`, in `region`. `enabled`: whether the region may be used. `images` in the order asked."""

    asked: Asked
    caller: Caller
    region: str
    enabled: bool | Unseen
    bucket: Bucket | Refused | Unseen | None
    role: Role | Unseen | None
    providers: tuple[Provider, ...] | Unseen
    profile: Profile | Unseen | None
    images: tuple[Image | Refused | Unseen, ...]
    network: Network | Unseen
    group: Group | Refused | Unseen
    kinds: tuple[Kind, ...] | Unseen
    quotas: tuple[Quota, ...] | Unseen
    spot_role: bool | Unseen
    trial: bool | Refused | Unseen
    """Whether EC2 would launch a machine for these credentials; False where nothing could be tried."""
