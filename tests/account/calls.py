"""From a request to what has to be allowed for it, as the Service Authorization Reference of AWS has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.account.policies import Call
from tests.account.recording import Seen

_MULTIPART = {"uploads", "uploadId"}


@dataclass(frozen=True)
class Decoder:
    """`role_of` a profile's name, `tags_of` a machine's id; `key_of` a secret's name, what encrypts it."""

    account: str
    role_of: Callable[[str], str]
    tags_of: Callable[[str], Mapping[str, str]]
    key_of: Mapping[str, str] = field(default_factory=dict)

    def calls(self, seen: Seen) -> list[Call]:
        service = {"s3": self._s3, "ec2": self._ec2}.get(seen.service, self._by_target)
        return list(service(seen))

    def _s3(self, seen: Seen) -> Iterator[Call]:
        bucket, _, key = seen.path.removeprefix("/").partition("/")
        arn = f"arn:aws:s3:::{bucket}"
        if not key:
            assert (seen.method, seen.query.get("list-type")) == ("GET", "2"), seen.path
            yield Call("s3:ListBucket", arn, {"s3:prefix": seen.query["prefix"]})
            return
        yield Call(f"s3:{_s3_action(seen)}", f"{arn}/{key}")
        if seen.status == 404:  # who may not list is told 403; the key is the prefix then
            yield Call("s3:ListBucket", arn, {"s3:prefix": key})
        if "if-match" in seen.headers and seen.method == "PUT":  # to compare is to read
            yield Call("s3:GetObject", f"{arn}/{key}")

    def _ec2(self, seen: Seen) -> Iterator[Call]:
        asked = dict(parse_qsl(seen.body.decode()))
        action = asked["Action"]
        if action == "RunInstances":
            yield from self._launch(seen.region, asked)
        elif action in {"TerminateInstances", "GetConsoleOutput"}:
            for name in (name for name in asked if name.startswith("InstanceId")):
                tags = self.tags_of(asked[name]).items()
                context = {f"aws:ResourceTag/{key}": value for key, value in tags}
                yield Call(f"ec2:{action}", self._ec2_arn(seen.region, "instance", asked[name]), context)
        else:
            assert action.startswith("Describe"), f"the tests do not know {action}"
            yield Call(f"ec2:{action}", "*", {"aws:RequestedRegion": seen.region})

    def _launch(self, region: str, asked: Mapping[str, str]) -> Iterator[Call]:
        tags = _tags(asked)
        profile = asked.get("IamInstanceProfile.Name", "")
        about = {
            "instance": {
                "ec2:InstanceType": asked["InstanceType"],
                "ec2:MetadataHttpTokens": asked.get("MetadataOptions.HttpTokens", "optional"),
                "ec2:InstanceProfile": f"arn:aws:iam::{self.account}:instance-profile/{profile}",
            },
            "volume": {"ec2:Encrypted": asked.get("BlockDeviceMapping.1.Ebs.Encrypted", "false")},
            "network-interface": {},
        }
        if asked.get("InstanceMarketOptions.MarketType") == "spot":
            about["spot-instances-request"] = {}
        for kind, context in about.items():
            marks = {f"aws:RequestTag/{key}": value for key, value in tags.get(kind, {}).items()}
            yield Call("ec2:RunInstances", self._ec2_arn(region, kind, "new"), context | marks)
        for kind in tags:
            context = {"ec2:CreateAction": "RunInstances"}
            yield Call("ec2:CreateTags", self._ec2_arn(region, kind, "new"), context)
        subnet = asked.get("SubnetId", "subnet-default")
        yield Call("ec2:RunInstances", self._ec2_arn(region, "subnet", subnet), {"ec2:SubnetID": subnet})
        yield Call("ec2:RunInstances", f"arn:aws:ec2:{region}::image/{asked['ImageId']}")
        for name, value in asked.items():
            if name.startswith("SecurityGroupId."):
                yield Call("ec2:RunInstances", self._ec2_arn(region, "security-group", value))
            assert not name.startswith(("KeyName", "LaunchTemplate", "NetworkInterface")), name
        if profile:
            passed = {"iam:PassedToService": "ec2.amazonaws.com"}
            yield Call("iam:PassRole", self.role_of(profile), passed)

    def _ec2_arn(self, region: str, kind: str, name: str) -> str:
        return f"arn:aws:ec2:{region}:{self.account}:{kind}/{name}"

    def _by_target(self, seen: Seen) -> Iterator[Call]:
        """Services that are asked in JSON, each request with its operation in a header."""
        operation = seen.headers["x-amz-target"].rpartition(".")[2]
        asked: dict[str, Any] = json.loads(seen.body)
        at = f"{seen.region}:{self.account}"
        match seen.service, operation:
            case "ssm", "GetParameter":
                name = asked["Name"].removeprefix("/")
                owner = "" if name.startswith("aws/service/") else self.account
                yield Call("ssm:GetParameter", f"arn:aws:ssm:{seen.region}:{owner}:parameter/{name}")
                yield from self._decrypted(asked["Name"], f"ssm.{seen.region}.amazonaws.com")
            case "secretsmanager", "GetSecretValue":
                arn = f"arn:aws:secretsmanager:{at}:secret:{asked['SecretId']}-AbCdEf"
                yield Call("secretsmanager:GetSecretValue", arn)
                yield from self._decrypted(asked["SecretId"], f"secretsmanager.{seen.region}.amazonaws.com")
            case "pricing", "GetProducts":
                yield Call("pricing:GetProducts", "*")
            case _:
                raise AssertionError(f"the tests do not know {seen.service} {operation}")

    def _decrypted(self, name: str, service: str) -> Iterator[Call]:
        """AWS's own keys let everybody in who may read what they encrypt."""
        if name in self.key_of:
            yield Call("kms:Decrypt", self.key_of[name], {"kms:ViaService": service})


def _s3_action(seen: Seen) -> str:
    match seen.method, bool(_MULTIPART & set(seen.query)):
        case "GET" | "HEAD", False:
            return "GetObject"
        case "PUT", _:
            return "PutObject"
        case "POST", True:
            return "PutObject"
        case "DELETE", is_part:
            return "AbortMultipartUpload" if is_part else "DeleteObject"
    raise AssertionError(f"the tests do not know {seen.method} {seen.path}?{seen.query}")


def _tags(asked: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Of `TagSpecification.N.…`, by the type of what is tagged."""
    found: dict[str, dict[str, str]] = {}
    for name, kind in asked.items():
        if name.startswith("TagSpecification.") and name.endswith(".ResourceType"):
            begin = f"{name.removesuffix('.ResourceType')}.Tag."
            keys = {one: key for one, key in asked.items() if one.startswith(begin) and one.endswith(".Key")}
            found[kind] = {key: asked[one.removesuffix("Key") + "Value"] for one, key in keys.items()}
    return found
