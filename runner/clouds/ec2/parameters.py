"""A launch request in the words of EC2. The same request gives the same parameters, always."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.errors import CloudRefusedError
from runner.ports import LaunchRequest
from runner.units import format_size

LARGEST_USER_DATA = 16_384
LONGEST_TOKEN = 64
_TAGGED = ("instance", "volume")


def parameters(request: LaunchRequest) -> dict[str, Any]:
    """For `RunInstances`: one instance that ends itself and lets nobody in. Raises CloudRefusedError.

    Metadata only by session tokens and not beyond one hop: a container or a request that a job was tricked
    into does not get the role's credentials. No key pair.
    """
    _check(request)
    asked: dict[str, Any] = {
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": request.token,
        "ImageId": request.image,
        "InstanceType": request.type,
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 1,
            "InstanceMetadataTags": "disabled",
        },
        "BlockDeviceMappings": [_disk(request)],
        "TagSpecifications": _tags(request),
        "SecurityGroupIds": [request.security_group],
    }
    if request.subnet:
        asked["SubnetId"] = request.subnet
    if request.instance_profile:
        kind = "Arn" if request.instance_profile.startswith("arn:") else "Name"
        asked["IamInstanceProfile"] = {kind: request.instance_profile}
    if request.user_data:
        asked["UserData"] = request.user_data
    if request.spot:
        asked["InstanceMarketOptions"] = {
            "MarketType": "spot",
            "SpotOptions": {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"},
        }
    return asked


def _check(request: LaunchRequest) -> None:
    size = len(request.user_data.encode())
    if size > LARGEST_USER_DATA:
        raise CloudRefusedError(
            f"the machine's user data has {format_size(size)}; EC2 takes {LARGEST_USER_DATA:,} bytes",
            hint="it is the runner's own: report this",
        )
    if not (request.token.isascii() and 0 < len(request.token) <= LONGEST_TOKEN):
        raise CloudRefusedError(f"a launch needs a token of at most {LONGEST_TOKEN} characters of ASCII")
    if not request.security_group:
        raise CloudRefusedError(
            "no security group is given, and EC2 would take one that lets others in",
            hint="set `aws.security_group` to one without inbound rules",
        )


def _disk(request: LaunchRequest) -> Mapping[str, Any]:
    volume = {"VolumeSize": request.disk, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}
    return {"DeviceName": request.root_device, "Ebs": volume}


def _tags(request: LaunchRequest) -> Sequence[Mapping[str, Any]]:
    tags = [{"Key": key, "Value": value} for key, value in sorted(request.tags.items())]
    kinds = (*_TAGGED, "spot-instances-request") if request.spot else _TAGGED
    return [{"ResourceType": kind, "Tags": tags} for kind in kinds] if tags else []
