"""What EC2 enforces and the emulator does not: tokens, sizes, capacity, time until a launch can be seen."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode
from xml.etree import ElementTree

from tests.aws_strict import CAPACITY, MISMATCH, TERMINATED, beyond_limits
from tests.hypervisor.refusals import Refused
from tests.wire import Answer, LostReplyError, Request

_STATES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
Forwarding = Callable[[Request], Answer]
_SPACE = re.compile(r"\{(.*)\}")


@dataclass(frozen=True, slots=True)
class Shown:
    """How an instance is described, where the emulator says something else. `code`: the state's cause."""

    state: str
    code: str = ""
    message: str = ""


@dataclass
class Ec2:
    """The rules of a region, and its bad days.

    `short_of(type, spot, subnet)`: whether there is no such machine. `lag`: how many looks miss what was
    launched before them. `trouble`: raised by the next launches instead of an answer, in this order. `lost`:
    so many replies to launches are lost after they were carried out. `shown`: how instances are described.
    `console`: what is on an instance's console, None for one that never had a machine.
    """

    short_of: Callable[[str, bool, str], bool] = lambda _type, _spot, _subnet: False
    lag: int = 0
    lost: int = 0
    trouble: list[Refused] = field(default_factory=list)
    shown: dict[str, Shown] = field(default_factory=dict)
    console: Callable[[str], str | None] = lambda _instance_id: None
    on_run: Callable[[list[str]], object] = lambda _ids: None
    on_terminate: Callable[[list[str]], object] = lambda _ids: None
    _tokens: dict[str, tuple[dict[str, str], str]] = field(default_factory=dict)
    _visible_from: dict[str, int] = field(default_factory=dict)
    _looks: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request, forward: Forwarding) -> Answer:
        """Raises Refused, LostReplyError."""
        form = request.form
        action = form.get("Action", "")
        if action == "RunInstances":
            with self._lock:  # one token, one machine: also for two at once
                return self._run(request, form, forward)
        if action == "GetConsoleOutput":
            return self._console(form)
        answer = forward(request)
        if answer.status != 200:
            return answer
        if action == "DescribeInstances":
            self._looks += 1
            return replace(answer, body=self._described(answer.body, only_visible=True))
        if action == "TerminateInstances":
            self.on_terminate(_ids(answer.body))
        return answer

    def _run(self, request: Request, form: dict[str, str], forward: Forwarding) -> Answer:
        if self.trouble:
            raise self.trouble.pop(0)
        self._check(request, form, forward)
        most = {"MinCount": form.get("MaxCount", "1")}  # the emulator gives the least that is asked for
        if form.get("DryRun", "").lower() == "true":
            return _refused_profile(forward(_with(request, most)))
        token = form.get("ClientToken", "")
        if token in self._tokens:
            return self._again(request, form, forward)
        spot = form.get("InstanceMarketOptions.MarketType") == "spot"
        if self.short_of(form.get("InstanceType", ""), spot, form.get("SubnetId", "")):
            # AWS answers this with 500: a client that tries again by the status does so for nothing.
            raise Refused("InsufficientInstanceCapacity", CAPACITY, 500)
        answer = _refused_profile(forward(_with(request, most)))
        if answer.status != 200:
            return answer
        launched = _ids(answer.body)
        if token:
            self._tokens[token] = (form, launched[0])
        self._visible_from |= dict.fromkeys(launched, self._looks + self.lag + 1)
        self.on_run(launched)
        if self.lost:
            self.lost -= 1
            raise LostReplyError
        return answer

    def _again(self, request: Request, form: dict[str, str], forward: Forwarding) -> Answer:
        before, instance_id = self._tokens[form["ClientToken"]]
        if before != form:
            raise Refused("IdempotentParameterMismatch", MISMATCH)
        answer = forward(_other(request, "DescribeInstances", {"InstanceId.1": instance_id}))
        described = ElementTree.fromstring(self._described(answer.body, only_visible=False))
        state = next(iter(_texts(described, "instanceState", "name")), "terminated")
        if state in {"shutting-down", "terminated"}:
            raise Refused("IdempotentInstanceTerminated", TERMINATED)
        reservation = next(one for one in described.iter() if _name(one) == "reservationSet")[0]
        reservation.tag = described.tag.replace("DescribeInstances", "RunInstances")
        return Answer(200, ElementTree.tostring(reservation), {"Content-Type": "text/xml"})

    def _check(self, request: Request, form: dict[str, str], forward: Forwarding) -> None:
        """All that makes a launch impossible, whether it is a trial or not."""
        beyond = beyond_limits(base64.b64decode(form.get("UserData", "")), form.get("ClientToken", ""))
        if beyond:
            raise Refused("InvalidParameterValue", beyond)
        image, type_ = form.get("ImageId", ""), form.get("InstanceType", "")
        if forward(_other(request, "DescribeImages", {"ImageId.1": image})).status != 200:
            raise Refused("InvalidAMIID.NotFound", f"The image id '[{image}]' does not exist")
        if forward(_other(request, "DescribeInstanceTypes", {"InstanceType.1": type_})).status != 200:
            raise Refused("InvalidParameterValue", f"Invalid value '{type_}' for InstanceType.")

    def _console(self, form: dict[str, str]) -> Answer:
        instance_id = form.get("InstanceId", "")
        said = self.console(instance_id)
        if said is None:
            raise Refused("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")
        output = base64.b64encode(said.encode()[-65536:]).decode()
        inner = f"<instanceId>{instance_id}</instanceId><timestamp>2026-01-01T00:00:00.000Z</timestamp>"
        body = f"<GetConsoleOutputResponse>{inner}<output>{output}</output></GetConsoleOutputResponse>"
        return Answer(200, body.encode(), {"Content-Type": "text/xml"})

    def _described(self, body: bytes, *, only_visible: bool) -> bytes:
        root = ElementTree.fromstring(body)
        for instances in [one for one in root.iter() if _name(one) == "instancesSet"]:
            for one in list(instances):
                instance_id = next(iter(_texts(one, "instanceId")), "")
                if only_visible and self._looks < self._visible_from.get(instance_id, 0):
                    instances.remove(one)
                elif instance_id in self.shown:
                    _show(one, self.shown[instance_id])
        return ElementTree.tostring(root)


def _with(request: Request, changed: dict[str, str]) -> Request:
    return replace(request, body=urlencode(request.form | changed).encode())


def _refused_profile(answer: Answer) -> Answer:
    """The emulator says that of an instance profile in the words of IAM."""
    if answer.status != 200 and b"NoSuchEntity" in answer.body:
        raise Refused("InvalidParameterValue", "Value for parameter iamInstanceProfile.name is invalid.")
    return answer


def _other(request: Request, action: str, asked: dict[str, str]) -> Request:
    """Another question in the name of the same caller."""
    said = {"Action": action, "Version": request.form.get("Version", ""), **asked}
    return replace(request, body=urlencode(said).encode())


def _ids(body: bytes) -> list[str]:
    root = ElementTree.fromstring(body)
    return list(dict.fromkeys(_texts(root, "instanceId")))


def _name(element: ElementTree.Element) -> str:
    return _SPACE.sub("", element.tag)


def _texts(root: ElementTree.Element, *path: str) -> list[str]:
    """The texts of all elements that are reached by these names, each somewhere below the one before."""
    found = [root]
    for name in path:
        found = [below for one in found for below in one.iter() if _name(below) == name]
    return [one.text or "" for one in found]


def _show(one: ElementTree.Element, shown: Shown) -> None:
    space = _SPACE.match(one.tag)
    for child in [child for child in one if _name(child) in {"instanceState", "stateReason", "reason"}]:
        one.remove(child)

    def add(parent: ElementTree.Element, name: str, text: str = "") -> ElementTree.Element:
        made = ElementTree.SubElement(parent, f"{space.group() if space else ''}{name}")
        made.text = text
        return made

    state = add(one, "instanceState")
    add(state, "code", str(_STATES[shown.state]))
    add(state, "name", shown.state)
    if shown.code:
        reason = add(one, "stateReason")
        add(reason, "code", shown.code)
        add(reason, "message", shown.message)
