"""What becomes of a pull request when its machine does not last, or somebody changes their mind."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from runner.runs.in_bucket import BucketSource
from runner.runs.reading import read
from runner.state import RunState
from tests.hypervisor.hypervisor import Running
from tests.hypervisor.world import HyperWorld
from tests.waiting import until
from tests.workflows.acting import Ran
from tests.workflows.scene import Scene

pytestmark = pytest.mark.root

TRAIN = """\
queue_id: train
machine: {provider: ec2, type: m7i.large, ttl: 1h}
jobs:
  - job_id: fetch
    command: date +%N > rows.csv
    result_files: [rows.csv]
  - job_id: fit
    depends_on: [fetch]
    command: |
      cat rows.csv
      touch up
      test "$RUNNER_ATTEMPT" = 2 || until test -e go; do sleep 0.1; done
"""


def merged(scene: Scene) -> tuple[str, str]:
    pull = scene.open_pull(7, {"queues/train.yaml": TRAIN})
    ran = scene.plan(pull)
    assert ran.succeeded, ran.printed()
    return scene.merge(pull)


def working(world: HyperWorld, following: Future[tuple[int, Ran]]) -> Running:
    """The first machine, with its last job at work."""
    until(lambda: world.instances() or following.done())
    assert world.instances(), following.result()[1].printed()
    (running,) = world.instances()
    place = running.machine.path("/opt/runner/checkout/up")
    until(lambda: place.exists() or not running.is_alive)
    assert running.is_alive, running.machine.console()
    return running


def state_of(world: HyperWorld, run_id: str) -> RunState:
    return read(BucketSource(world.run(run_id)))[1]


def test_a_machine_that_is_taken_is_replaced_while_the_run_is_followed(
    scene: Scene, world: HyperWorld
) -> None:
    before, after = merged(scene)
    with ThreadPoolExecutor(1) as other:
        following = other.submit(scene.launched, before, after)
        first = working(world, following)
        (run_id,) = world.root.below("runs").folders()
        until(lambda: world.run(run_id).get("jobs/fetch/1/results/manifest.json") is not None)
        until(lambda: state_of(world, run_id).jobs["fit"].attempts)
        world.hypervisor.vanish(first.instance_id)
        _, ran = following.result()
    assert ran.succeeded, ran.printed()
    world.wait_gone()
    assert len(world.instances()) == 2, ran.printed()
    shown = scene.shown("final")
    assert "runner/train: success" in shown, (shown, ran.printed())
    assert len(scene.comments("final")) == 1
    assert "AWS took the spot machine back" in shown
    attempts = {name: len(job.attempts) for name, job in state_of(world, run_id).jobs.items()}
    assert attempts == {"fetch": 1, "fit": 2}, "what was done is not done again"


def test_a_run_in_the_cloud_is_cancelled_by_a_comment(scene: Scene, world: HyperWorld) -> None:
    pull = scene.open_pull(7, {"queues/train.yaml": TRAIN})
    scene.plan(pull)
    before, after = scene.merge(pull)
    with ThreadPoolExecutor(1) as other:
        following = other.submit(scene.launched, before, after)
        running = working(world, following)
        (run_id,) = world.root.below("runs").folders()
        said = scene.commented(scene.say(pull, "bob", f"/runner cancel {run_id}"))
        assert said.succeeded, said.printed()
        handed = scene.handed_over()
        _, ran = following.result()
    assert ran.succeeded, ran.printed()
    assert handed.succeeded, handed.printed()
    world.wait_gone()
    assert world.state(running.instance_id)[0] == "terminated"
    shown = scene.shown("final", "reply")
    assert "cancelled" in shown, shown
