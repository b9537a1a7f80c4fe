"""A run, launched as the program launches it, on a machine that boots for real."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from runner import plan as plans
from runner.aws.clients import Settings
from runner.bundle import program
from runner.bundle.archive import pack
from runner.bundle.order import MachineOrder
from runner.bundle.sending import give_order, send
from runner.clouds.client import connect
from runner.clouds.ec2 import Ec2Cloud
from runner.launching.account import Account
from runner.launching.boot import Bundle
from runner.launching.launch import launch
from runner.launching.naming import Purpose
from runner.launching.prepare import prepare
from runner.model import Git, Machine, Queue
from runner.runs.in_bucket import BucketSource
from runner.runs.reading import read
from runner.state import RunState
from runner.stores.s3 import Bucket
from tests.agent.machines import RUN_ID
from tests.aws import Aws
from tests.aws_strict import IMAGE, Region, StrictEc2, StrictSsm, user_data_of
from tests.qemu import image, vm
from tests.qemu.imds import About, Imds
from tests.wire import serving

TTL = 3600.0
_COMMIT = "a" * 40
_MACHINE = Machine(provider="ec2", options={"ami": IMAGE, "type": "t3.small"})
_ROLE = "runner-instance"


@dataclass
class World:
    """One run in a bucket; everything that is started for it ends with `stack`."""

    aws: Aws
    folder: Path
    stack: contextlib.ExitStack

    def __post_init__(self) -> None:
        self.root: Bucket = self.aws.at("ci")
        self.run = self.root.below(f"runs/{RUN_ID}")
        self.disk = self.folder / "disk.ext4"
        self.ec2 = connect("ec2", Settings(tries=2, read_timeout=20.0))

    def state(self) -> RunState:
        return read(BucketSource(self.run))[1]

    def names(self, below: str) -> list[str]:
        return [listed.name for listed in self.run.names(below)]

    def body(self, name: str) -> str:
        """What is kept under a name of the run."""
        found = self.run.get(name)
        assert found is not None, name
        return found.body.decode()

    def launch(self, queue: Queue, files: dict[str, bytes]) -> str:
        """The id of the machine that the emulator was asked for."""
        bundle = self._request(queue, files)
        purpose = Purpose(
            run_id=RUN_ID,
            queue_id=queue.queue_id,
            repository="acme/models",
            commit=_COMMIT,
            generation=1,
            ttl=TTL,
        )
        strict = StrictEc2(self.ec2, Region())
        ssm: Any = StrictSsm(connect("ssm", Settings(tries=2)))
        cloud = Ec2Cloud(ec2=strict, ssm=ssm, once=strict)
        requests = prepare(purpose, _MACHINE, self._account(), bundle, cloud, endpoint=f"http://{vm.AWS}")
        return launch(purpose, requests, cloud, self.run, sleep=_never).instance_id

    def boot(self, instance_id: str) -> tuple[vm.Machine, Imds]:
        """Switched on, with the user data that the emulator holds for it, and its own disk as it was left."""
        made = image.ready()
        if not self.disk.exists():
            self.stack.callback(self.disk.unlink)
            subprocess.run(["cp", "--sparse=always", made / "disk.ext4", self.disk], check=True)
        imds = Imds(
            About(
                instance_id=instance_id,
                machine_type="t3.small",
                user_data=user_data_of(self.ec2, instance_id),
                role=_ROLE,
                credentials=self.aws.env,
                mac=vm.MAC,
                address=vm.ADDRESS,
            )
        )
        url = self.stack.enter_context(serving(imds.answer))
        ports = {vm.IMDS: _port(url), vm.AWS: _port(self.aws.endpoint)}
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        return self.stack.enter_context(vm.booting(made, self.disk, folder, ports)), imds

    def _request(self, queue: Queue, files: dict[str, bytes]) -> Bundle:
        """What is in the bucket before a machine is asked for."""
        plan = plans.make(queue, source="queues/demo.yaml", git=Git(sha=_COMMIT))
        assert self.run.create("plan.json", plans.to_json(plan))
        checkout = pack(files.items(), self.folder / "checkout.tar.gz")
        made = program.build(self.folder / "program.tar.gz")
        for archive in (checkout, made):
            send(self.root, archive)
        give_order(self.run, MachineOrder(checkout=checkout.name, checkout_sha256=checkout.sha256), 1)
        return Bundle(name=made.name, sha256=made.sha256)

    def _account(self) -> Account:
        iam: Any = boto3.client("iam")
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_instance_profile(InstanceProfileName=_ROLE)
        group = self.ec2.create_security_group(GroupName=self.aws.bucket, Description="no way in")
        return Account(
            region="us-east-1",
            bucket=self.aws.bucket,
            prefix=self.root.where.prefix,
            instance_profile=_ROLE,
            security_group=group["GroupId"],
        )


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def _never(seconds: float) -> None:
    raise AssertionError(f"a launch that goes well does not wait {seconds} s")
