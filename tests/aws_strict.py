"""EC2 as strict as AWS, before an emulator that is not.

The emulator forgets tokens, takes user data of any size and images and types that do not exist, never is out
of machines and shows at once what was launched. What stands here refuses, hides and loses as AWS does.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore import exceptions as sdk

UBUNTU = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
IMAGE = "ami-1e749f67"
"""One that the emulator knows, of 15 GiB."""


def refusal(code: str, message: str, operation: str = "RunInstances", status: int = 400) -> sdk.ClientError:
    said: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "RetryAttempts": 0},
    }
    return sdk.ClientError(said, operation)


CAPACITY = "We currently do not have sufficient capacity"
MISMATCH = "Arguments on this idempotent request are inconsistent"
TERMINATED = "The instance of this client token is terminated"


def beyond_limits(user_data: bytes, token: str) -> str:
    """What EC2 says of a launch with these, or ""."""
    if len(user_data) > 16_384:
        return "User data is limited to 16384 bytes"
    if not token.isascii() or len(token) > 64:
        return "ClientToken is limited to 64 ASCII characters"
    return ""


@dataclass
class Region:
    """What all clients of a test share.

    `short_of(type, spot, subnet)`: whether there is no such machine. `lag`: how many looks miss what was
    launched before them. `trouble`: raised by the next launches instead of an answer, in this order. `lost`:
    so many answers are lost after the launch was carried out.
    """

    short_of: Callable[[str, bool, str], bool] = lambda _type, _spot, _subnet: False
    lag: int = 0
    trouble: list[Exception] = field(default_factory=list)
    lost: int = 0
    tokens: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)
    looks: int = 0
    visible_from: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


class StrictEc2:
    """A client of the SDK, as far as `Ec2Cloud` uses it."""

    def __init__(self, client: Any, region: Region) -> None:
        self._client = client
        self.region = region

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def noted(**asked: Any) -> Any:
            self.region.asked.append((name, asked))
            return call(**asked)

        return noted

    def run_instances(self, **asked: Any) -> dict[str, Any]:
        self.region.asked.append(("run_instances", asked))
        if self.region.trouble:
            raise self.region.trouble.pop(0)
        self._check(asked)
        if asked.get("DryRun"):
            return dict(self._client.run_instances(**asked))
        token = asked.get("ClientToken", "")
        if token in self.region.tokens:
            return self._again(asked, token)
        spot = "InstanceMarketOptions" in asked
        if self.region.short_of(asked["InstanceType"], spot, asked.get("SubnetId", "")):
            # AWS answers this with 500: a client that tries again by the status does so for nothing.
            raise refusal("InsufficientInstanceCapacity", CAPACITY, status=500)
        answer: dict[str, Any] = self._client.run_instances(**{**asked, "MinCount": asked["MaxCount"]})
        for one in answer["Instances"]:
            self.region.visible_from[one["InstanceId"]] = self.region.looks + self.region.lag + 1
        if token:
            self.region.tokens[token] = (asked, answer["Instances"][0]["InstanceId"])
        if self.region.lost:
            self.region.lost -= 1
            raise sdk.ReadTimeoutError(endpoint_url="https://ec2.us-east-1.amazonaws.com/")
        return answer

    def _again(self, asked: dict[str, Any], token: str) -> dict[str, Any]:
        before, instance_id = self.region.tokens[token]
        if before != asked:
            raise refusal("IdempotentParameterMismatch", MISMATCH)
        found = self._client.describe_instances(InstanceIds=[instance_id])
        instances = found["Reservations"][0]["Instances"]
        if instances[0]["State"]["Name"] in {"shutting-down", "terminated"}:
            raise refusal("IdempotentInstanceTerminated", TERMINATED)
        return {"Instances": instances}

    def _check(self, asked: dict[str, Any]) -> None:
        beyond = beyond_limits(asked.get("UserData", "").encode(), asked.get("ClientToken", ""))
        if beyond:
            raise refusal("InvalidParameterValue", beyond)
        self._client.describe_images(ImageIds=[asked["ImageId"]])
        try:
            self._client.describe_instance_types(InstanceTypes=[asked["InstanceType"]])
        except sdk.ClientError as error:
            raise refusal("InvalidInstanceType", "no such type") from error

    def get_paginator(self, name: str) -> Any:
        assert name == "describe_instances"
        return _Pages(self._client.get_paginator(name), self.region)


class _Pages:
    def __init__(self, pages: Any, region: Region) -> None:
        self._pages = pages
        self._region = region

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        self._region.asked.append(("describe_instances", asked))
        self._region.looks += 1
        for page in self._pages.paginate(**asked):
            for reservation in page["Reservations"]:
                reservation["Instances"] = [one for one in reservation["Instances"] if self._is_visible(one)]
            yield page

    def _is_visible(self, one: dict[str, Any]) -> bool:
        return self._region.looks >= self._region.visible_from.get(one["InstanceId"], 0)


class StrictSsm:
    """The public parameters that the emulator does not have."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def get_parameter(self, **asked: Any) -> Any:
        if asked["Name"] == UBUNTU:
            return {"Parameter": {"Name": UBUNTU, "Value": IMAGE}}
        return self._client.get_parameter(**asked)


def user_data_of(client: Any, instance_id: str) -> str:
    """As the machine will get it."""
    said = client.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
    return base64.b64decode(said["UserData"]["Value"]).decode()
