"""Where machines would be, and whether they could reach S3 from there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from runner.clouds.account.facts import INTERNET, Account, Group, Network, Refused, Subnet, Unseen
from runner.setup.aws.wording import unchecked
from runner.setup.findings import Finding, ok, problem, warning

_BOOT = "a machine there cannot fetch what to run: it boots, and ends without a word"


def check(found: Account) -> Iterator[Finding]:
    network = found.network
    if isinstance(network, Unseen):
        yield unchecked("the subnets", network)
    else:
        yield from _subnets(network, found)
    yield from _group(found)


def _subnets(network: Network, found: Account) -> Iterator[Finding]:
    missing = set(found.asked.subnets) - {one.id for one in network.subnets}
    for name in sorted(missing):
        what = f"there is no subnet {name} in {found.region}"
        yield problem(what, "no machine can be launched in it", "correct `aws.subnets`")
    if not found.asked.subnets and not network.subnets:
        what = f"there is no default network in {found.region}, and `aws.subnets` is empty"
        if network.default:
            what = f"the default network in {found.region} has no subnets, and `aws.subnets` is empty"
        fix = "aws ec2 create-default-vpc, or set `aws.subnets` and `aws.security_group`"
        yield problem(what, "EC2 does not know where to put a machine", fix)
    ways = list(_ways(network.subnets))
    yield from ways
    if network.subnets and not ways and not missing:
        yield ok(f"machines reach S3 from {_named(network.subnets)}")
    for one in network.subnets:
        if not one.free:
            fix = "use a larger subnet, or add others to `aws.subnets`"
            yield warning(f"{one.id} has no address left", "no machine can be launched in it now", fix)


def _ways(subnets: Sequence[Subnet]) -> Iterator[Finding]:
    """One finding for all that have the same trouble."""
    troubles: list[tuple[Callable[[Subnet], bool], Callable[[str], Finding]]] = [
        (lambda one: not one.out and not one.s3, _closed),
        (lambda one: one.out == INTERNET and not one.public_ip and not one.s3, _addressless),
        (lambda one: not one.out and one.s3, _only_s3),
    ]
    for has, told in troubles:
        these = [one for one in subnets if has(one)]
        if these:
            yield told(_named(these))


def _closed(named: str) -> Finding:
    fix = "route 0.0.0.0/0 to a NAT or internet gateway, or add a gateway endpoint for S3 to its route table"
    return problem(f"nothing leads from {named} to S3", _BOOT, fix)


def _addressless(named: str) -> Finding:
    fix = (
        "aws ec2 modify-subnet-attribute --map-public-ip-on-launch --subnet-id ID, or lead through a NAT "
        "gateway, or add a gateway endpoint for S3"
    )
    return problem(
        f"machines in {named} get no public address, and only an internet gateway leads out", _BOOT, fix
    )


def _only_s3(named: str) -> Finding:
    why = "jobs there reach no package index, and secrets only through endpoints of their own"
    fix = "lead 0.0.0.0/0 to a NAT gateway, if jobs need more"
    return warning(f"from {named} only S3 can be reached", why, fix)


def _group(found: Account) -> Iterator[Finding]:
    group = found.group
    if isinstance(group, Unseen):
        yield unchecked("the security group", group)
    elif isinstance(group, Refused):
        yield problem(group.what, "no machine is launched with it", group.fix)
    else:
        yield from _rules(group, found.network)


def _rules(group: Group, network: Network | Unseen) -> Iterator[Finding]:
    if not group.outbound:
        what = f"the security group {group.id} lets nothing out"
        yield problem(what, _BOOT, "add its usual outbound rule: all traffic to 0.0.0.0/0")
    else:
        yield ok(f"the security group {group.id} lets nobody in")
    if isinstance(network, Unseen):
        return
    strange = [one for one in network.subnets if group.vpc and one.vpc != group.vpc]
    if strange:
        what = f"the security group {group.id} is of {group.vpc}, and {_named(strange)} is not"
        yield problem(what, "EC2 takes no machine with the two", "use a group and subnets of one network")


def _named(subnets: Sequence[Subnet]) -> str:
    shown = [f"{one.id} ({one.zone})" for one in subnets[:3]]
    rest = len(subnets) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")
