"""The commands of a laptop, from a commit to the results, with machines that really boot."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.model import Outcome
from runner.runs.in_bucket import BucketSource
from runner.runs.reading import read
from runner.state import RunState
from tests.hypervisor.hypervisor import Making, Running
from tests.hypervisor.world import HyperWorld
from tests.project import Project
from tests.waiting import until

pytestmark = pytest.mark.root

QUEUE = """\
queue_id: train
machine: {provider: ec2, type: m5.large, ttl: 30m}
jobs:
  - job_id: prepare
    command: cp words.txt copy.txt
    result_files: [copy.txt]
  - job_id: train
    depends_on: [prepare]
    command: |
      echo attempt $RUNNER_ATTEMPT
      touch up
      until test -e go || test "$RUNNER_ATTEMPT" = 2; do sleep 0.1; done
"""


@dataclass
class Desk:
    """A checkout of a repository, and the account that it is configured for."""

    project: Project
    world: HyperWorld

    def launch(self) -> str:
        """The run's place."""
        done = self.project.run("launch", "queues/train.yaml", "--json")
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert said["instance_id"] == self.world.wait_machine().instance_id
        return str(said["results"])

    def working(self, number: int = 1) -> Running:
        """The n-th machine, with its second job at work."""
        running = self.world.wait_machine(number)
        place = running.machine.path("/opt/runner/checkout/up")
        until(lambda: place.exists() or not running.is_alive)
        assert running.is_alive, running.machine.console()
        return running

    def state(self, url: str) -> RunState:
        return read(BucketSource(self.world.run(url.rpartition("/")[2])))[1]

    def reconcile(self) -> str:
        done = self.project.run("reconcile")
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def desk(world: HyperWorld, tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "checkout"
    folder.mkdir()
    project = Project(folder, dict(world.env))
    project.write("queues/train.yaml", QUEUE)
    project.write("words.txt", "two words\n")
    project.write(".github/runner.yaml", world.configuration())
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "A queue"]):
        subprocess.run(
            ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.com", *words], cwd=folder, check=True
        )
    yield Desk(project, world)
    project.close()


def test_a_queue_is_launched_looked_at_and_fetched(desk: Desk, tmp_path: Path) -> None:
    url = desk.launch()
    running = desk.working()
    until(lambda: desk.state(url).jobs["train"].attempts)
    shown = json.loads(desk.project.run("status", url, "--json").stdout)
    assert [one["instance_id"] for one in shown["machines"]] == [running.instance_id]
    until(lambda: desk.project.run("logs", url, "train").stdout == "attempt 1\n")
    running.machine.path("/opt/runner/checkout/go").touch()
    desk.world.wait_gone()
    assert desk.world.state(running.instance_id) == ("terminated", "Client.InstanceInitiatedShutdown")
    assert desk.state(url).outcome is Outcome.SUCCEEDED
    assert desk.project.run("status", url).returncode == 0
    fetched = desk.project.run("results", url, "-o", str(tmp_path / "results"))
    assert fetched.returncode == 0, fetched.stderr
    assert [path.read_text() for path in (tmp_path / "results").rglob("copy.txt")] == ["two words\n"]
    assert "over" in desk.reconcile()
    assert list(desk.world.root.names("live/")) == []


def test_a_cancel_from_here_ends_the_jobs_and_the_machine_there(desk: Desk) -> None:
    url = desk.launch()
    running = desk.working()
    asked = desk.project.run("cancel", url)
    assert asked.returncode == 0, asked.stderr
    desk.world.wait_gone()
    assert desk.world.state(running.instance_id) == ("terminated", "Client.InstanceInitiatedShutdown")
    assert desk.state(url).outcome is Outcome.CANCELLED


def test_a_run_whose_machine_was_taken_gets_another_one(desk: Desk) -> None:
    url = desk.launch()
    first = desk.working()
    until(lambda: desk.state(url).jobs["train"].attempts)
    desk.world.hypervisor.vanish(first.instance_id)
    assert "AWS took the spot machine back" in desk.reconcile()
    second = desk.world.wait_machine(2)
    assert second.instance_id != first.instance_id
    desk.world.wait_gone()
    state = desk.state(url)
    assert state.outcome is Outcome.SUCCEEDED, second.machine.console()
    assert [len(state.jobs[name].attempts) for name in ("prepare", "train")] == [1, 2]
    assert len(state.machines) == 2


def test_a_machine_that_does_not_boot_is_explained_and_not_tried_for_ever(desk: Desk) -> None:
    """Two more are tried; then the run is lost, and says why."""
    broken = {f"python3{tail}": "#!/bin/sh\nexit 1\n" for tail in ("", ".11", ".12", ".13", ".14")}
    desk.world.hypervisor.making = Making(commands=broken)
    url = desk.launch()
    for number in (2, 3):
        desk.world.wait_gone()
        assert "there is no Python 3.11 or newer" in desk.reconcile()
        desk.world.wait_machine(number)
    desk.world.wait_gone()
    assert "it is lost" in desk.reconcile()
    assert len(desk.world.instances()) == 3
    state = desk.state(url)
    assert state.outcome is Outcome.LOST
    shown = desk.project.run("status", url)
    assert "there is no Python 3.11 or newer" in shown.stdout + shown.stderr
