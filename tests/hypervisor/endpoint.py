"""AWS at one address: an emulator behind rules that are as strict as AWS, and that may have bad days.

Its URL is what AWS_ENDPOINT_URL is set to, of programs here and of machines, which get a socket of their own.
Every request must be signed by a key that it knows, as AWS wants it.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree

from tests.aws_strict import IMAGE, UBUNTU
from tests.hypervisor import refusals
from tests.hypervisor.calls import Call, asked, operation
from tests.hypervisor.ec2 import Ec2
from tests.hypervisor.refusals import Refused
from tests.hypervisor.signing import Key, check
from tests.wire import Answer, LostReplyError, Request, Service, forward

_PUBLIC = {"AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"}
"""What nobody signs: the token in it is the proof."""


@dataclass
class Endpoint:
    """`emulator` is the URL behind. What tests may set, at any time:

    `skew`: seconds by which AWS's clock is ahead. `expired`: access keys that are not good any more.
    `fault(n, call)` gives the code of an error for the n-th request, "lost" for one that is carried out and
    not answered, or "". `allows(call)`: whether the policies of the caller do. `images`: what is published
    where in SSM. `calls`: all that was asked, in order.
    """

    emulator: str
    ec2: Ec2 = field(default_factory=Ec2)
    keys: dict[str, Key] = field(default_factory=dict)
    skew: float = 0.0
    expired: set[str] = field(default_factory=set)
    fault: Callable[[int, Call], str] = lambda _number, _call: ""
    allows: Callable[[Call], bool] = lambda _call: True
    images: dict[str, str] = field(default_factory=lambda: {UBUNTU: IMAGE})
    calls: list[Call] = field(default_factory=list)
    _requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._service = Service(listening, self.answer)

    def close(self) -> None:
        self._service.close()

    def serve(self, listening: socket.socket) -> Service:
        """The same on a socket of a machine."""
        return Service(listening, self.answer)

    def answer(self, request: Request) -> Answer:
        service = ""
        try:
            call, service = self._admit(request)
            if self._fault(call) == "lost":
                self._carry_out(request, service)
                raise LostReplyError
            answer = self._carry_out(request, service)
        except Refused as refused:
            answer = refusals.answer(refused, service or _service(request))
        return replace(answer, headers={**answer.headers, "x-amzn-RequestId": "1"})

    def _admit(self, request: Request) -> tuple[Call, str]:
        """Who asks for what. Raises Refused where AWS would not listen."""
        service = _service(request)
        if service == "sts" and operation(request, service) in _PUBLIC:
            return self._noted(request, "", service, "us-east-1")[0], service
        signed = check(request, self.keys, time.time() + self.skew)
        wrong = signed.wrong
        if not wrong and signed.access_key in self.expired:
            wrong = "ExpiredToken"
        if wrong:
            raise Refused(wrong, f"the signature is refused: {wrong}")
        calls = self._noted(request, signed.access_key, signed.service, signed.region)
        for call in calls:
            if not self.allows(call):
                said = f"{call.principal} is not authorized to perform: {call.action} on {call.resource}"
                raise Refused("AccessDenied", f"User: {said}", 403)
        return calls[0], signed.service

    def _noted(self, request: Request, access_key: str, service: str, region: str) -> list[Call]:
        principal = self.keys[access_key].principal if access_key else ""
        calls = [
            Call(access_key, principal, action, resource, request)
            for action, resource in asked(request, service, region)
        ]
        with self._lock:
            self.calls += calls
        return calls

    def _fault(self, call: Call) -> str:
        with self._lock:
            self._requests += 1
            code = self.fault(self._requests, call)
        if code not in {"", "lost"}:
            raise Refused(code, "a bad day")
        return code

    def _carry_out(self, request: Request, service: str) -> Answer:
        if service == "ec2":
            return self.ec2.answer(request, self._forward)
        if service == "ssm" and operation(request, service) == "GetParameter":
            name = json.loads(request.body).get("Name", "")
            if name in self.images:
                found = {"Name": name, "Type": "String", "Value": self.images[name], "Version": 1}
                body = json.dumps({"Parameter": found}).encode()
                return Answer(200, body, {"Content-Type": "application/x-amz-json-1.1"})
        answer = self._forward(request)
        if service == "sts" and answer.status == 200:
            self._learn(answer.body)
        return answer

    def _forward(self, request: Request) -> Answer:
        return forward(request, self.emulator)

    def _learn(self, body: bytes) -> None:
        """Credentials that the emulator gave out."""
        said = {one.tag.rpartition("}")[2]: one.text or "" for one in ElementTree.fromstring(body).iter()}
        if "SecretAccessKey" in said:
            expires = time.strptime(said["Expiration"][:19], "%Y-%m-%dT%H:%M:%S")
            key = Key(
                access_key=said["AccessKeyId"],
                secret=said["SecretAccessKey"],
                principal=said.get("Arn", ""),
                token=said.get("SessionToken", ""),
                made=time.time(),
                expires=time.mktime(expires) - time.timezone,
            )
            self.keys[key.access_key] = key


def _service(request: Request) -> str:
    """As far as it can be known of a request that nobody signed."""
    scope = request.headers.get("Authorization", "").partition("Credential=")[2].split(",")[0].split("/")
    if len(scope) == 5:
        return scope[3]
    return "sts" if request.form.get("Action") in _PUBLIC else "s3"
