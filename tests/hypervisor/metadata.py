"""The metadata service of one machine: version 2 only, with a role whose credentials end."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.hypervisor.signing import Key, stamp
from tests.wire import Answer, Request

_ROLES = "meta-data/iam/security-credentials/"
_FRESH = 0.25
"""The share of a credential's life in which it is handed out: it is good for long after that."""


@dataclass
class Metadata:
    """`held`: what is there to be read, by its path below `/latest/`; tests may change it at any time.

    `role` "": the machine has none. `new_key` gives the next credentials of the role.
    """

    held: dict[str, str]
    role: str
    new_key: Callable[[], Key]
    is_down: bool = False
    tokens: dict[str, float] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Answer:
        with self._lock:
            if self.is_down:
                return Answer(503)
            if request.path == "/latest/api/token":
                return self._token(request)
            token = request.headers.get("X-aws-ec2-metadata-token", "")
            if self.tokens.get(token, 0.0) < time.monotonic():
                return Answer(401)
            found = self._found(request.path.removeprefix("/latest/"))
            return Answer(404) if found is None else Answer(200, found.encode())

    def _token(self, request: Request) -> Answer:
        seconds = request.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if request.method != "PUT" or not seconds.isdecimal() or not 1 <= int(seconds) <= 21600:
            return Answer(400)
        if request.headers.get("X-Forwarded-For"):
            return Answer(403)
        token = secrets.token_urlsafe(40)
        self.tokens[token] = time.monotonic() + int(seconds)
        return Answer(200, token.encode())

    def _found(self, path: str) -> str | None:
        if self.role and path.rstrip("/") == _ROLES.rstrip("/"):
            return self.role
        if self.role and path == _ROLES + self.role:
            return json.dumps(_document(self._key()), indent=2)
        if path in self.held:
            return self.held[path]
        below = {name.removeprefix(path).partition("/")[0] for name in self.held if name.startswith(path)}
        return "\n".join(sorted(below)) if path.endswith("/") and below else None

    def _key(self) -> Key:
        newest = self.keys[-1] if self.keys else None
        if newest is None or time.time() > newest.made + (newest.expires - newest.made) * _FRESH:
            self.keys.append(self.new_key())
        return self.keys[-1]


def _document(key: Key) -> Mapping[str, str]:
    return {
        "Code": "Success",
        "LastUpdated": stamp(key.made),
        "Type": "AWS-HMAC",
        "AccessKeyId": key.access_key,
        "SecretAccessKey": key.secret,
        "Token": key.token,
        "Expiration": stamp(key.expires),
    }


def about(instance: Mapping[str, str], user_data: str) -> dict[str, str]:
    """What every machine knows of itself."""
    zone, region = instance["zone"], instance["zone"][:-1]
    document = {
        "instanceId": instance["id"],
        "instanceType": instance["type"],
        "imageId": instance["image"],
        "region": region,
        "availabilityZone": zone,
        "accountId": instance["account"],
        "privateIp": instance["address"],
        "architecture": instance["architecture"],
        "version": "2017-09-30",
    }
    return {
        "meta-data/instance-id": instance["id"],
        "meta-data/instance-type": instance["type"],
        "meta-data/instance-life-cycle": instance["market"],
        "meta-data/ami-id": instance["image"],
        "meta-data/local-ipv4": instance["address"],
        "meta-data/placement/availability-zone": zone,
        "meta-data/placement/region": region,
        "dynamic/instance-identity/document": json.dumps(document, indent=2),
        "user-data": user_data,
    }
