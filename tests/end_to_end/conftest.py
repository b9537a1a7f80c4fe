"""GitHub, AWS and machines that boot, all of them here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.clock import SystemClock
from tests.account.enforcing import Enforced
from tests.account.stack import deploy
from tests.clouds.actions import BEARER, CLAIMS, Job, playing
from tests.github_double import Double, serving
from tests.hypervisor.conftest import image, moto, world
from tests.hypervisor.world import HyperWorld
from tests.workflows import acting
from tests.workflows.conftest import installed, pip
from tests.workflows.scene import Scene

__all__ = ["image", "installed", "moto", "pip", "world"]

POLICY = """\
policy: {providers: [local, ec2], machine_types: ["m7i.*"], max_cost: 5}
"""


@pytest.fixture
def rules(world: HyperWorld) -> Enforced:
    """The account as the template makes it, for the tokens of these jobs, with its policies in force."""
    emulator = world.endpoint.emulator
    stack = deploy(
        emulator,
        "loop",
        Repository="octo/lab",
        RepositoryId=CLAIMS["repository_id"],
        Subject=CLAIMS["sub"],
        Workflows=CLAIMS["job_workflow_ref"],
    )
    world.account = stack.account
    made = Enforced(stack, emulator)
    world.endpoint.allows = made
    return made


@pytest.fixture
def scene(tmp_path: Path, installed: dict[str, str], world: HyperWorld, rules: Enforced) -> Iterator[Scene]:
    """Its jobs get identity tokens, and nothing else that AWS would take."""
    with serving(Double(SystemClock())) as double, playing(Job()) as job:
        tokens = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": job.environ["ACTIONS_ID_TOKEN_REQUEST_URL"],
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER,
        }
        reach = {"AWS_ENDPOINT_URL": world.endpoint.url, "AWS_EC2_METADATA_DISABLED": "true"}
        yield Scene(
            tmp_path / "scene",
            double,
            acting.program_in_place(tmp_path / "program"),
            installed | tokens | reach,
            settings=rules.stack.outputs["Configuration"] + POLICY,
        )
    assert rules.denied == []
    assert rules.strangers(world.endpoint.calls) == []
    assert double.violations == []
    assert double.limits.refused == []
