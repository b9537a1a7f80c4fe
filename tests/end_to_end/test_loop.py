"""From a pull request to an instance that is gone: the real workflows, the real program, real boots.

GitHub is the double that validates every call, AWS the emulator with AWS's own rules before it, and an
instance a namespace that runs the user data.
"""

from __future__ import annotations

import re

import pytest

from runner.machines.live import FOLDER
from tests.hypervisor.world import HyperWorld
from tests.workflows.scene import TOKEN, Scene

pytestmark = pytest.mark.root

TRAIN = """\
queue_id: train
machine: {provider: ec2, type: m7i.large, ttl: 1h}
jobs:
  - job_id: fetch
    command: env | sort; cat README.md > rows.csv
    result_files: [rows.csv]
  - job_id: fit
    depends_on: [fetch]
    command: test -s rows.csv && echo "fitted on $(hostname)"
"""


def merged(scene: Scene, number: int = 7, text: str = TRAIN) -> tuple[str, str]:
    pull = scene.open_pull(number, {"queues/train.yaml": text})
    ran = scene.plan(pull)
    assert ran.succeeded, ran.printed()
    return scene.merge(pull)


def test_a_merged_queue_gets_a_machine_and_the_pull_request_its_results(
    scene: Scene, world: HyperWorld
) -> None:
    before, after = merged(scene)
    (plan,) = scene.comments("plan")
    assert "m7i.large" in plan.body
    assert "$" in plan.body, "what it may cost"

    _, ran = scene.launched(before, after)
    assert ran.succeeded, ran.printed()
    world.wait_gone()
    assert len(world.instances()) == 1, ran.printed()
    (machine,) = world.instances()
    assert world.state(machine.instance_id)[0] == "terminated"
    shown = scene.shown("final")
    assert re.search(r"runner/train: success", shown), (shown, ran.printed())
    assert "runner/train/fit: success" in shown
    assert f"runner results s3://{world.account.bucket}/ci/runs/train-" in shown
    (run_id,) = world.root.below("runs").folders()
    log = world.run(run_id).get("jobs/fetch/1/stdout.log")
    assert log is not None
    assert TOKEN.encode() not in log.body
    assert b"GITHUB_" not in log.body, "nothing of GitHub is on the machine"
    assert world.run(run_id).get("jobs/fetch/1/results/rows.csv") is not None
    assert world.root.names(FOLDER) == []

    _, again = scene.launched(before, after)
    assert again.succeeded
    assert len(world.instances()) == 1, "delivered twice is one run"
    _, other = scene.pushed(before, after)
    assert other.succeeded, other.printed()
    assert "the workflow `runner cloud` launches it" in other.printed()
