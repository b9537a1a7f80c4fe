"""A machine that boots, in an account that the template made, with its policies in force."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.clouds.opening import open_cloud
from runner.errors import CloudRefusedError
from runner.launching.naming import repository_tags
from runner.model import Machine, Outcome
from tests.account.enforcing import Enforced
from tests.account.stack import deploy
from tests.aws_strict import IMAGE
from tests.builders import job, queue
from tests.hypervisor.conftest import image, moto, world  # noqa: F401  fixtures
from tests.hypervisor.launching import RUN_ID, Launching
from tests.hypervisor.world import HyperWorld

pytestmark = pytest.mark.root


@dataclass
class Guarded:
    region: HyperWorld
    rules: Enforced


@pytest.fixture
def guarded(request: pytest.FixtureRequest) -> Guarded:
    region: HyperWorld = request.getfixturevalue("world")
    stack = deploy(region.endpoint.emulator, "acme")
    region.account = stack.account
    launcher = region.endpoint.keys["AKIALAUNCHER"].principal
    rules = Enforced(stack, region.endpoint.emulator, launcher)
    region.endpoint.allows = rules
    return Guarded(region, rules)


def test_a_run_needs_nothing_that_is_not_granted(guarded: Guarded, tmp_path: Path) -> None:
    launching = Launching(guarded.region, tmp_path)
    launching.request(
        queue(
            job("first", command="echo made > out.txt", result_files=("out.txt",)),
            job("second", "first", command="cat out.txt; echo s > $RUNNER_STATE_DIR/s"),
        )
    )
    launching.launch(machine=Machine(provider="ec2", options={"type": "m5.large", "spot": True}))
    running = guarded.region.wait_machine()
    guarded.region.wait_gone()
    assert guarded.rules.denied == []
    assert launching.state().outcome is Outcome.SUCCEEDED, running.machine.console()
    assert "runner-boot" in open_cloud("us-east-1").console(running.instance_id)
    assert guarded.region.run(RUN_ID).get("state/1.tar.gz") is not None
    asked_by = {call.principal.partition("/")[0].rpartition(":")[2] for call in guarded.region.endpoint.calls}
    assert asked_by == {"user", "assumed-role"}


def test_what_is_not_granted_is_a_sentence(guarded: Guarded, tmp_path: Path) -> None:
    launching = Launching(guarded.region, tmp_path)
    launching.request(queue(job("a")))
    with pytest.raises(CloudRefusedError, match="ec2:RunInstances is denied"):
        launching.launch(machine=Machine(provider="ec2", options={"type": "p5.48xlarge"}))
    assert guarded.region.instances() == []
    assert "ec2:InstanceType=p5.48xlarge" in guarded.rules.denied[0]


def test_a_machine_of_another_repository_is_not_ended(guarded: Guarded) -> None:
    """Even if the program asked for it."""
    ec2 = guarded.region.plain_ec2
    other = [{"Key": "runner:repository", "Value": "acme/other"}]
    (one,) = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1)["Instances"]
    ec2.create_tags(Resources=[one["InstanceId"]], Tags=other)
    with pytest.raises(CloudRefusedError, match="ec2:TerminateInstances is denied"):
        open_cloud("us-east-1").terminate([one["InstanceId"]], repository_tags("acme/other"))
