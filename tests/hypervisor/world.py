"""A region with machines that boot, an account in it, and a bucket: all that a run on a cloud needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import boto3

from runner.launching.account import Account
from runner.stores.s3 import Bucket, Location
from tests.aws import credentials
from tests.hypervisor.calls import ACCOUNT
from tests.hypervisor.emulator import forget
from tests.hypervisor.endpoint import Endpoint
from tests.hypervisor.hypervisor import Hypervisor, Running
from tests.hypervisor.signing import Key
from tests.waiting import until

REGION = "us-east-1"
PROFILE = ROLE = "runner-instance"
_TRUST = '{"Version": "2012-10-17", "Statement": []}'


class HyperWorld:
    """`env` is what a program needs to reach it, and nothing else of AWS; `account`: its configuration.

    `endpoint` and `hypervisor` have the bad days. One at a time: the emulator behind forgets the one before.
    """

    def __init__(self, emulator: str, image: Path, folder: Path) -> None:
        forget(emulator)
        self.endpoint = Endpoint(emulator)
        self.env = credentials(self.endpoint.url) | {
            "AWS_ACCESS_KEY_ID": "AKIALAUNCHER",
            "AWS_SECRET_ACCESS_KEY": "launcher",
            "AWS_SESSION_TOKEN": "",
        }
        principal = f"arn:aws:iam::{ACCOUNT}:user/launcher"
        self.endpoint.keys["AKIALAUNCHER"] = Key("AKIALAUNCHER", "launcher", principal)
        plain = {name: self._plain(name, emulator) for name in ("ec2", "iam", "s3")}
        plain["s3"].create_bucket(Bucket="my-runs")
        plain["iam"].create_role(RoleName=ROLE, AssumeRolePolicyDocument=_TRUST)
        plain["iam"].create_instance_profile(InstanceProfileName=PROFILE)
        plain["iam"].add_role_to_instance_profile(InstanceProfileName=PROFILE, RoleName=ROLE)
        group = plain["ec2"].create_security_group(GroupName="runner", Description="no way in")["GroupId"]
        self.account = Account(
            region=REGION, bucket="my-runs", prefix="ci", instance_profile=PROFILE, security_group=group
        )
        self.plain_ec2 = plain["ec2"]
        self.hypervisor = Hypervisor(self.endpoint, plain["ec2"], plain["iam"], image, folder)
        self._objects = plain["s3"]

    def _plain(self, service: str, emulator: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=emulator,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    @property
    def root(self) -> Bucket:
        """The account's prefix, past the endpoint: what a test looks at has no bad days, and is no call."""
        return Bucket(self._objects, Location(bucket=self.account.bucket, prefix=self.account.prefix))

    def run(self, run_id: str) -> Bucket:
        return self.root.below(f"runs/{run_id}")

    def configuration(self) -> str:
        """The same account as .github/runner.yaml says it."""
        account = self.account
        fields = ("region", "bucket", "prefix", "instance_profile", "security_group")
        return "aws:\n" + "".join(f"  {name}: {getattr(account, name)}\n" for name in fields)

    def instances(self) -> list[Running]:
        """All that ever ran here, oldest first."""
        return list(self.hypervisor.running.values())

    def state(self, instance_id: str) -> tuple[str, str]:
        """(state, cause) as EC2 would say now."""
        shown = self.endpoint.ec2.shown.get(instance_id)
        if shown is not None:
            return shown.state, shown.code
        found = self.plain_ec2.describe_instances(InstanceIds=[instance_id])
        return found["Reservations"][0]["Instances"][0]["State"]["Name"], ""

    def wait_machine(self, number: int = 1) -> Running:
        """The machine that came as the n-th."""
        until(lambda: len(self.hypervisor.running) >= number or self._trouble())
        return self.instances()[number - 1]

    def wait_gone(self) -> None:
        """Until no machine is alive, and EC2 says so."""
        until(lambda: all(one.is_settled for one in self.instances()) or self._trouble())
        self._trouble()

    def _trouble(self) -> bool:
        for error in self.hypervisor.trouble:
            raise AssertionError(f"the hypervisor failed: {error!r}") from error
        return False

    def close(self) -> None:
        self.hypervisor.close()
        self.endpoint.close()
        self._trouble()


def isolate(monkeypatch: Any, env: dict[str, str]) -> None:
    """No setting of the user's is left in this process, and all of the world's are there."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
