"""Subnets and what leads out of them, and the security group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.aws.clients import Client
from runner.clouds.account.facts import INTERNET, Asked, Group, Network, Subnet
from runner.clouds.ec2.groups import security_group

_WAYS = (
    ("NatGatewayId", "a NAT gateway"),
    ("TransitGatewayId", "a transit gateway"),
    ("NetworkInterfaceId", "a machine that forwards"),
    ("InstanceId", "a machine that forwards"),
    ("VpcPeeringConnectionId", "another network"),
    ("CarrierGatewayId", "a carrier gateway"),
    ("LocalGatewayId", "a local gateway"),
)


def look(ec2: Client, asked: Asked) -> Network:
    """Raises the SDK's errors."""
    found = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    default = str(found[0]["VpcId"]) if found else ""
    if asked.subnets:
        chosen = [{"Name": "subnet-id", "Values": list(asked.subnets)}]
    elif default:
        chosen = [{"Name": "vpc-id", "Values": [default]}, {"Name": "default-for-az", "Values": ["true"]}]
    else:
        return Network(default="", subnets=())
    subnets = ec2.describe_subnets(Filters=chosen)["Subnets"]
    vpcs = sorted({str(one["VpcId"]) for one in subnets})
    of_vpcs = [{"Name": "vpc-id", "Values": vpcs}]
    tables = ec2.describe_route_tables(Filters=of_vpcs)["RouteTables"] if vpcs else []
    endpoints = ec2.describe_vpc_endpoints(Filters=of_vpcs)["VpcEndpoints"] if vpcs else []
    to_s3 = [one for one in endpoints if str(one.get("ServiceName", "")).endswith(".s3")]
    return Network(default=default, subnets=tuple(_subnet(one, tables, to_s3) for one in subnets))


def group(ec2: Client, asked: Asked) -> Group:
    """Raises CloudError where there is none that lets nobody in, and the SDK's errors."""
    name = security_group(ec2, asked.security_group)
    found = ec2.describe_security_groups(GroupIds=[name])["SecurityGroups"][0]
    return Group(
        id=name,
        vpc=str(found.get("VpcId", "")),
        outbound=len(found.get("IpPermissionsEgress", ())),
    )


def _subnet(
    said: Mapping[str, Any], tables: Sequence[Mapping[str, Any]], to_s3: Sequence[Mapping[str, Any]]
) -> Subnet:
    name, vpc = str(said["SubnetId"]), str(said["VpcId"])
    table = _table_of(name, vpc, tables)
    number = str(table.get("RouteTableId", ""))
    return Subnet(
        id=name,
        vpc=vpc,
        zone=str(said.get("AvailabilityZone", "")),
        public_ip=bool(said.get("MapPublicIpOnLaunch")),
        free=int(said.get("AvailableIpAddressCount", 0)),
        out=_way_out(table.get("Routes", ())),
        s3=any(
            number in one.get("RouteTableIds", ()) or name in one.get("SubnetIds", ())
            for one in to_s3
            if one.get("VpcId") == vpc
        ),
    )


def _table_of(subnet: str, vpc: str, tables: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The subnet's own, else the main one of its network."""
    main: Mapping[str, Any] = {}
    for table in tables:
        for link in table.get("Associations", ()):
            if link.get("SubnetId") == subnet:
                return table
            if link.get("Main") and table.get("VpcId") == vpc:
                main = table
    return main


def _way_out(routes: Sequence[Mapping[str, Any]]) -> str:
    for route in routes:
        if route.get("DestinationCidrBlock") != "0.0.0.0/0" or route.get("State") == "blackhole":
            continue
        if str(route.get("GatewayId", "")).startswith("igw-"):
            return INTERNET
        named = [word for key, word in _WAYS if route.get(key)]
        return named[0] if named else "a gateway"
    return ""
