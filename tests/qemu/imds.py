"""The instance metadata service, version 2 alone, as a whole tree: cloud-init crawls all of it."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.wire import Answer, Request

_TOKEN = "X-aws-ec2-metadata-token"
_PATH = re.compile(r"/(?:latest|20\d\d-\d\d-\d\d)/(.*)")


@dataclass(frozen=True, kw_only=True)
class About:
    """What a machine is told of itself. `credentials`: of its role, as the SDK's environment has them."""

    instance_id: str
    machine_type: str
    user_data: str
    role: str
    credentials: Mapping[str, str]
    mac: str
    address: str
    region: str = "us-east-1"

    def tree(self) -> dict[str, str]:
        """Every leaf by its path."""
        card = f"meta-data/network/interfaces/macs/{self.mac}"
        facts = {
            "ami-id": "ami-00000000000000001",
            "ami-launch-index": "0",
            "block-device-mapping/ami": "/dev/vda",
            "block-device-mapping/root": "/dev/vda",
            "hostname": f"ip-{self.address.replace('.', '-')}.ec2.internal",
            "instance-id": self.instance_id,
            "instance-life-cycle": "on-demand",
            "instance-type": self.machine_type,
            "local-hostname": f"ip-{self.address.replace('.', '-')}.ec2.internal",
            "local-ipv4": self.address,
            "mac": self.mac,
            "placement/availability-zone": f"{self.region}a",
            "placement/region": self.region,
            f"iam/security-credentials/{self.role}": json.dumps(self._role(), indent=2),
        }
        network = {
            "device-number": "0",
            "interface-id": "eni-00000000000000001",
            "local-ipv4s": self.address,
            "mac": self.mac,
            "subnet-ipv4-cidr-block": "172.31.0.0/20",
            "vpc-id": "vpc-00000001",
        }
        document = {"instanceId": self.instance_id, "region": self.region, "instanceType": self.machine_type}
        return {
            "user-data": self.user_data,
            "dynamic/instance-identity/document": json.dumps(document),
            **{f"meta-data/{name}": value for name, value in facts.items()},
            **{f"{card}/{name}": value for name, value in network.items()},
        }

    def _role(self) -> dict[str, str]:
        return {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "LastUpdated": "2026-11-22T18:00:00Z",
            "Expiration": "2036-11-22T18:00:00Z",
            "AccessKeyId": self.credentials["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": self.credentials["AWS_SECRET_ACCESS_KEY"],
            "Token": self.credentials["AWS_SESSION_TOKEN"],
        }


@dataclass
class Imds:
    """`refused`: what was asked for without a token, or with a wrong one."""

    about: About
    refused: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def answer(self, request: Request) -> Answer:
        if request.method == "PUT":
            is_whole = request.target == "/latest/api/token" and request.headers[f"{_TOKEN}-ttl-seconds"]
            return Answer(body=self.token().encode()) if is_whole else Answer(400)
        status, text = self.found(request.target, request.headers[_TOKEN] or "")
        return Answer(status, text.encode(), {"Content-Type": "text/plain"})

    def found(self, path: str, token: str) -> tuple[int, str]:
        """A leaf; or the names of what is below, with a slash behind those that have something below them."""
        if token not in self.tokens:
            self.refused.append(path)
            return 401, ""
        found = _PATH.fullmatch(path)
        wanted = found[1].strip("/") if found else ""
        tree = self.about.tree()
        if wanted in tree:
            return 200, tree[wanted]
        below = [name.removeprefix(f"{wanted}/") for name in tree if name.startswith(f"{wanted}/")]
        names = dict.fromkeys(name.partition("/")[0] + "/" * ("/" in name) for name in below)
        return (200, "\n".join(names)) if names else (404, "")

    def token(self) -> str:
        made = secrets.token_urlsafe(40)
        self.tokens.add(made)
        return made
