"""The security group of a machine: nothing may connect to it."""

from __future__ import annotations

from runner.aws.clients import Client
from runner.clouds.trouble import told
from runner.errors import CloudRefusedError

NAME = "queue-runner"


def security_group(ec2: Client, given: str = "") -> str:
    """The id of the group `given` by id, or of the one called `queue-runner` in the default network.

    Raises CloudRefusedError where there is none, or where it lets somebody in.
    """
    with told("look at the security group"):
        found = ec2.describe_security_groups(GroupIds=[given])["SecurityGroups"] if given else _named(ec2)
    if not found:
        raise CloudRefusedError(
            f"no security group is set, and the default network has none called {NAME}",
            hint=f'create it: aws ec2 create-security-group --group-name {NAME} --description "no way in"; '
            "or set `aws.security_group`",
        )
    group = found[0]
    if group["IpPermissions"]:
        raise CloudRefusedError(
            f"the security group {group['GroupId']} lets others in: it has inbound rules",
            hint="remove them, or set `aws.security_group` to a group without",
        )
    return str(group["GroupId"])


def _named(ec2: Client) -> list[dict[str, object]]:
    networks = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not networks:
        return []
    filters = [
        {"Name": "vpc-id", "Values": [networks[0]["VpcId"]]},
        {"Name": "group-name", "Values": [NAME]},
    ]
    groups: list[dict[str, object]] = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    return groups
