"""What is found out before a launch: a mistake is a sentence, not a machine."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from runner import config
from runner.clouds.opening import open_cloud
from runner.errors import CapacityError, CloudRefusedError, UsageError
from runner.launching.account import Account
from runner.launching.attempts import image_name
from runner.launching.boot import Bundle
from runner.launching.prepare import prepare, region_of
from runner.model import Machine
from runner.ports import Image, LaunchRequest
from tests.aws import Aws
from tests.clouds.boot_world import ACCOUNT
from tests.clouds.cloud_in_memory import MemoryCloud
from tests.clouds.conftest import Ec2World
from tests.clouds.making import PURPOSE

pytestmark = pytest.mark.slow

BUNDLE = Bundle(name="bundles/abc.tar.gz", sha256="0" * 64)
SET_UP = dataclasses.replace(ACCOUNT, instance_profile="runner-instance", subnets=("subnet-a", "subnet-b"))


def machine(**options: Any) -> Machine:
    return Machine(provider="ec2", options=options)


class Tried(MemoryCloud):
    """Knows the default images, and what was tried."""

    def image(self, name: str) -> Image:
        architecture = "arm64" if "arm64" in name else "x86_64"
        return Image(id="ami-1", root_device="/dev/sda1", disk=8, architecture=architecture)

    def check(self, request: LaunchRequest) -> None:
        super().check(request)
        self.time += 1
        if request.type == "m7i.nope":
            raise CloudRefusedError("there is no such instance type", hint="correct it")
        if request.spot:
            raise CapacityError("not now", hint="later")


def test_each_kind_of_machine_is_tried_once_and_nothing_is_launched() -> None:
    cloud = Tried()
    wanted = machine(type="m7i.large", fallback=["c7i.large"], spot=True, disk="50GiB")
    requests = prepare(PURPOSE, wanted, SET_UP, BUNDLE, cloud)
    assert (len(requests), cloud.time, cloud.held) == (8, 4.0, {})
    first = requests[0]
    assert (first.type, first.spot, first.subnet, first.disk) == ("m7i.large", True, "subnet-a", 50)
    assert (first.security_group, first.instance_profile) == ("sg-closed", "runner-instance")
    assert "generation 1" in first.user_data
    assert len({request.token for request in requests}) == 8


@pytest.mark.parametrize(
    ("wanted", "account", "kind", "said"),
    [
        (machine(), ACCOUNT, UsageError, "no instance profile"),
        (machine(fallback=["m7i.nope"]), SET_UP, CloudRefusedError, "no such instance type"),
        (machine(type="m7g.large", ami="ami-1"), SET_UP, UsageError, "the image ami-1 is for x86_64"),
        (machine(), dataclasses.replace(SET_UP, bucket=""), UsageError, "cannot be given to a machine"),
    ],
)
def test_a_mistake_is_a_sentence(wanted: Machine, account: Account, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        prepare(PURPOSE, wanted, account, BUNDLE, Tried())


def test_an_arm_machine_gets_an_arm_image() -> None:
    assert "arm64" in image_name(machine(type="m7g.large"))
    assert prepare(PURPOSE, machine(type="m7g.large"), SET_UP, BUNDLE, Tried())


def test_before_ec2_the_whole_of_it(ec2: Ec2World) -> None:
    account = dataclasses.replace(ACCOUNT, security_group=ec2.security_group, instance_profile="missing")
    with pytest.raises(CloudRefusedError, match="missing"):
        prepare(PURPOSE, machine(), account, BUNDLE, ec2.cloud())


def test_the_machine_may_live_elsewhere_than_the_bucket() -> None:
    assert region_of(machine(region="eu-west-1"), ACCOUNT) == "eu-west-1"
    assert region_of(machine(), ACCOUNT) == "us-east-1"


def test_a_cloud_is_opened_without_asking_anything(aws: Aws) -> None:
    assert aws.endpoint
    assert open_cloud("eu-west-1").find({"runner:run": "none"}) == []


def test_the_account_is_what_the_configuration_says() -> None:
    raw = b"""
aws:
  {region: eu-west-1, bucket: my-runs, prefix: /a//b/, instance_profile: p, subnets: [subnet-1],
   security_group: sg-1}
"""
    made, problems = config.parse(raw, "runner.yaml")
    assert problems == []
    assert made.account == Account(
        region="eu-west-1", bucket="my-runs", prefix="a/b", instance_profile="p", subnets=("subnet-1",),
        security_group="sg-1",
    )  # fmt: skip
    assert made.account.run_url("r") == "s3://my-runs/a/b/runs/r"
    assert config.Config().account == Account()
