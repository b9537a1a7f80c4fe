"""Gives every instance that the endpoint launches a machine, and says of it what became of it."""

from __future__ import annotations

import base64
import contextlib
import heapq
import itertools
import json
import queue
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hypervisor import init
from tests.hypervisor.calls import ACCOUNT
from tests.hypervisor.ec2 import Shown
from tests.hypervisor.endpoint import Endpoint
from tests.hypervisor.machine import Machine, Spec
from tests.hypervisor.metadata import Metadata, about
from tests.hypervisor.signing import new_key, stamp
from tests.wire import Service

METADATA = "169.254.169.254"
_EVERY = 0.05
_GRACE = 3.0
"""Seconds that a machine has after its power button was pressed."""
_BY_ITSELF = Shown("terminated", "Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
_BY_SOMEBODY = Shown("terminated", "Client.UserInitiatedShutdown", "User initiated shutdown")
_BY_MARKET = Shown(
    "terminated", "Server.SpotInstanceTermination", "Instance terminated due to spot interruption"
)
_STOPPED = Shown("stopped", "Client.InstanceInitiatedShutdown", "Instance initiated shutdown")


@dataclass(frozen=True, kw_only=True)
class Making:
    """How the next machines are made. `no_network`: nothing but their metadata answers.

    `role_seconds`: how long the credentials of their role are good. `has_role` False: it never came. See
    `Spec` for the others.
    """

    no_network: bool = False
    commands: Mapping[str, str] = field(default_factory=dict)
    minute: float = 60.0
    role_seconds: float = 6 * 3600.0
    has_role: bool = True


@dataclass
class Running:
    """An instance and its machine. `booted`: when its user data began, in seconds since the epoch."""

    instance_id: str
    described: Mapping[str, Any]
    machine: Machine
    metadata: Metadata
    services: list[Service]
    booted: float
    stops: bool = False
    end: Shown | None = None
    is_settled: bool = False
    kill_at: float = float("inf")

    @property
    def is_alive(self) -> bool:
        return self.machine.ended() is None


class Hypervisor:
    """`plain`: a client of EC2 straight to the emulator, and `iam` likewise. `making` may be changed."""

    def __init__(self, endpoint: Endpoint, plain: Any, iam: Any, image: Path, folder: Path) -> None:
        self.endpoint = endpoint
        self.making = Making()
        self.running: dict[str, Running] = {}
        self.trouble: list[BaseException] = []
        self._ec2, self._iam = plain, iam
        self._image, self._folder = image, folder
        self._orders: queue.Queue[Callable[[], object]] = queue.Queue()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._closing = threading.Event()
        endpoint.ec2.on_run = lambda ids: self._orders.put(lambda: [self._boot(one) for one in ids])
        endpoint.ec2.on_terminate = self._terminated
        endpoint.ec2.console = self._console
        # Machines end with this thread; it lives as long as we do.
        self._thread = threading.Thread(target=self._work, name="hypervisor", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    # What may happen to a machine.

    def pull_the_plug(self, instance_id: str) -> None:
        """It is dead, and EC2 says that it runs."""
        running = self.running[instance_id]
        running.end = Shown("running")
        running.machine.kill()

    def vanish(self, instance_id: str, shown: Shown = _BY_MARKET) -> None:
        """It is dead, and EC2 says why."""
        running = self.running[instance_id]
        running.end = shown
        running.machine.kill()
        self._settle(running)

    def spot_notice(self, instance_id: str, seconds: float = 120.0) -> None:
        """EC2 takes it back, so many seconds from now."""
        notice = {"action": "terminate", "time": stamp(time.time() + seconds)}
        self.running[instance_id].metadata.held["meta-data/spot/instance-action"] = json.dumps(notice)
        self._orders.put(lambda: self._at(seconds, lambda: self._take_back(instance_id)))

    def terminate(self, instance_id: str) -> None:
        """Somebody ends it at EC2."""
        self._ec2.terminate_instances(InstanceIds=[instance_id])
        self._terminated([instance_id])

    # The thread.

    def _work(self) -> None:
        try:
            while not self._closing.is_set():
                with contextlib.suppress(queue.Empty):
                    self._try(self._orders.get(timeout=_EVERY))
                while self._due and self._due[0][0] <= time.monotonic():
                    self._try(heapq.heappop(self._due)[2])
                for running in list(self.running.values()):
                    if not running.is_alive:
                        self._try(lambda running=running: self._settle(running))
                    elif time.monotonic() >= running.kill_at:
                        running.machine.kill()
        finally:
            for running in self.running.values():
                running.machine.kill()
                self._close_services(running)

    def _try(self, order: Callable[[], object]) -> None:
        try:
            order()
        except Exception as error:
            self.trouble.append(error)

    def _at(self, seconds: float, order: Callable[[], object]) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), order))

    def _boot(self, instance_id: str) -> None:
        described = self._described(instance_id)
        user_data = self._attribute(instance_id, "userData", "UserData")
        folder = self._folder / instance_id
        folder.mkdir()
        listen = [(METADATA, 80)]
        if not self.making.no_network:
            listen.append(("127.0.0.1", self.endpoint.port))
        machine = Machine(
            Spec(
                image=self._image,
                user_data=base64.b64decode(user_data).decode(),
                hostname=f"ip-{described['PrivateIpAddress'].replace('.', '-')}",
                address=described["PrivateIpAddress"],
                listen=listen,
                commands=dict(self.making.commands),
                minute=self.making.minute,
            ),
            folder,
        )
        metadata = self._metadata(described, base64.b64decode(user_data).decode())
        services = [Service(machine.sockets[0], metadata.answer)]
        services += [self.endpoint.serve(one) for one in machine.sockets[1:]]
        stops = self._attribute(instance_id, "instanceInitiatedShutdownBehavior") == "stop"
        self.running[instance_id] = Running(
            instance_id, described, machine, metadata, services, time.time(), stops
        )

    def _described(self, instance_id: str) -> Mapping[str, Any]:
        found = self._ec2.describe_instances(InstanceIds=[instance_id])
        return dict(found["Reservations"][0]["Instances"][0])

    def _attribute(self, instance_id: str, name: str, called: str = "") -> str:
        said = self._ec2.describe_instance_attribute(InstanceId=instance_id, Attribute=name)
        return str(said.get(called or name[0].upper() + name[1:], {}).get("Value", ""))

    def _metadata(self, described: Mapping[str, Any], user_data: str) -> Metadata:
        role = self._role(described) if self.making.has_role else ""
        principal = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{described['InstanceId']}"
        seconds = self.making.role_seconds

        def new() -> Any:
            key = new_key(principal, seconds)
            self.endpoint.keys[key.access_key] = key
            return key

        facts = {
            "id": described["InstanceId"],
            "type": described["InstanceType"],
            "image": described["ImageId"],
            "zone": described["Placement"]["AvailabilityZone"],
            "account": ACCOUNT,
            "address": described["PrivateIpAddress"],
            "architecture": described.get("Architecture", "x86_64"),
            "market": described.get("InstanceLifecycle") or "on-demand",
        }
        return Metadata(about(facts, user_data), role, new)

    def _role(self, described: Mapping[str, Any]) -> str:
        """That of its instance profile, or ""."""
        arn = described.get("IamInstanceProfile", {}).get("Arn", "")
        if not arn:
            return ""
        found = self._iam.get_instance_profile(InstanceProfileName=arn.rpartition("/")[2])
        return next((role["RoleName"] for role in found["InstanceProfile"]["Roles"]), "")

    # The end of a machine.

    def _terminated(self, ids: list[str]) -> None:
        """Asked for at EC2, from any thread."""
        for running in [self.running[one] for one in ids if one in self.running]:
            if running.is_alive and running.end is None:
                running.end = _BY_SOMEBODY
                self.endpoint.ec2.shown[running.instance_id] = Shown("shutting-down", _BY_SOMEBODY.code)
                running.kill_at = time.monotonic() + _GRACE
                running.machine.press()

    def _take_back(self, instance_id: str) -> None:
        running = self.running[instance_id]
        if running.is_alive:
            running.end = _BY_MARKET
            self.endpoint.ec2.shown[instance_id] = Shown("shutting-down", _BY_MARKET.code)
            running.kill_at = time.monotonic() + _GRACE
            running.machine.press()

    def _settle(self, running: Running) -> None:
        """The machine has ended: so EC2 says, and its sockets close. Asked again, nothing."""
        if running.is_settled:
            return
        self._close_services(running)
        code = running.machine.ended()
        end = running.end or (_STOPPED if running.stops else _BY_ITSELF)
        if code not in {0, init.PRESSED} and running.end is None:
            running.is_settled = True
            raise RuntimeError(
                f"the first process of {running.instance_id} failed: {running.machine.console()}"
            )
        if end.state == "terminated":
            self._ec2.terminate_instances(InstanceIds=[running.instance_id])
        elif end.state == "stopped":
            self._ec2.stop_instances(InstanceIds=[running.instance_id])
        self.endpoint.ec2.shown[running.instance_id] = end
        running.is_settled = True

    def _close_services(self, running: Running) -> None:
        for service in running.services:
            service.close()
        running.services.clear()

    def _console(self, instance_id: str) -> str | None:
        running = self.running.get(instance_id)
        return None if running is None else running.machine.console()


def new_name(prefix: str) -> str:
    return f"{prefix}-{secrets.token_hex(4)}"
