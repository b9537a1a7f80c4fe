"""The workflow's own process and machines that really boot, when either does not last.

The forge is a folder.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.bundle import program
from runner.clock import SystemClock
from runner.forges.files import FileForge
from runner.gitops.repository.configured import config_at
from runner.machines.live import FOLDER
from runner.ports import RepositoryFacts
from tests.gitops.merged_pulls import merged_pull, reviewed
from tests.histories import HERE, Repository
from tests.hypervisor.hypervisor import Making, Running
from tests.hypervisor.world import HyperWorld
from tests.project import Project
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.root

LOGIN = "ann/queues"
TRAIN = """\
machine: {provider: ec2, type: m7i.large, ttl: 1h}
jobs:
  - job_id: fit
    command: |
      touch up
      until test -e go; do sleep 0.1; done
"""
HURRY = {"sleep": "#!/bin/sh\nexec /usr/bin/sleep 0.02\n"}
"""A boot without a network tries again after pauses of half a minute in all."""


class Lab:
    """A repository whose pull request 7 was just merged, and `runner github cloud` as its workflow."""

    def __init__(self, world: HyperWorld, folder: Path) -> None:
        self.world = world
        self.repository = Repository(folder / "repository")
        account = world.configuration()
        self.before = self.repository.commit({".github/runner.yaml": account, ".gitignore": ".runner/\n"})
        self.merge = self.repository.commit({"queues/train.yaml": TRAIN})
        self.forge = FileForge(folder / "forge", clock=SystemClock())
        self.forge.put_repository(RepositoryFacts(id=HERE, full_name=LOGIN, default_branch="main"))
        pull = merged_pull(7, self.merge, self.before)
        self.head = pull.head_commit
        self.forge.put_pull(pull)
        config = config_at(self.repository.folder, self.before)
        plan = reviewed(self.repository.folder, "queues/train.yaml", config=config)
        self.forge.set_status(pull.head_commit, plan)
        self.events = folder
        env = {
            "GITHUB_API_URL": f"file://{folder / 'forge'}",
            "GITHUB_REPOSITORY": LOGIN,
            "GITHUB_SHA": self.merge,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_RUN_ID": "1",
            "GITHUB_ACTOR": "ann",
        }
        self.project = Project(self.repository.folder, dict(world.env) | env)

    def _event(self, name: str, form: object) -> dict[str, str]:
        path = self.events / f"{name}.json"
        path.write_text(json.dumps(form))
        return {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(path)}

    def pushed(self) -> subprocess.Popen[str]:
        """The workflow run of the merge, as long as it lives."""
        form = {
            "ref": "refs/heads/main",
            "before": self.before,
            "after": self.merge,
            "repository": {"default_branch": "main"},
        }
        return self.project.popen("github", "cloud", **self._event("push", form))

    def look_after(self) -> str:
        done = self.project.run("github", "cloud", **self._event("schedule", {"schedule": "53 * * * *"}))
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def status(self) -> tuple[str, str]:
        """The same where it was merged and in the pull request."""
        found = [
            {s.context: (s.state, s.description) for s in self.forge.statuses(commit)}["runner/train"]
            for commit in (self.merge, self.head)
        ]
        assert found[0] == found[1]
        return found[0]

    @property
    def final(self) -> str:
        """The one final comment that there is."""
        said = [one.body for one in self.forge.comments(7) if not one.minimized]
        (body,) = (body for body in said if body.startswith("<!-- runner:final "))
        return body

    def working(self, number: int = 1) -> Running:
        """The n-th machine, with its job at work."""
        running = self.world.wait_machine(number)
        place = running.machine.path("/opt/runner/checkout/up")
        until(lambda: place.exists() or not running.is_alive)
        assert running.is_alive, running.machine.console()
        return running


@pytest.fixture
def lab(world: HyperWorld, tmp_path: Path) -> Iterator[Lab]:
    made = Lab(world, tmp_path)
    yield made
    made.project.close()


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)


MOMENTS: list[Callable[[Lab], object]] = [
    lambda lab: until(lambda: lab.world.root.names("runs/"), 60),
    lambda lab: lab.working(),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=["planned", "working"])
def test_whoever_follows_is_killed_and_the_next_pass_says_it_all(
    lab: Lab, moment: Callable[[Lab], object]
) -> None:
    process = lab.pushed()
    moment(lab)
    kill(process)
    lab.look_after()
    if not lab.world.instances():  # it died before there was a run: the merge is delivered again
        process = lab.pushed()
        lab.world.wait_machine()
        kill(process)
    lab.working().machine.path("/opt/runner/checkout/go").touch()
    lab.world.wait_gone()
    lab.look_after()
    assert lab.status()[0] == "success", lab.status()
    assert "`train` succeeded" in lab.final
    assert len(lab.world.instances()) == 1
    assert list(lab.world.root.names(FOLDER)) == []


def test_a_machine_without_a_network_is_replaced_and_that_is_said(lab: Lab) -> None:
    lab.world.hypervisor.making = Making(no_network=True, commands=HURRY)
    process = lab.pushed()
    first = lab.world.wait_machine()
    kill(process)
    lab.world.wait_gone()
    lab.world.hypervisor.making = Making()
    lab.look_after()
    second = lab.working(2)
    state, words = lab.status()
    assert (state, words.partition(": ")[0]) == ("pending", "Waiting for its machine")
    second.machine.path("/opt/runner/checkout/go").touch()
    lab.world.wait_gone()
    lab.look_after()
    assert lab.status()[0] == "success"
    said = f"machine {first.instance_id} did not start its agent: the machine could not start its agent: "
    assert f"{said}the bundle cannot be fetched: curl: (7)" in lab.final, lab.final


def test_a_bundle_that_somebody_changed_is_run_by_no_machine(lab: Lab, tmp_path: Path) -> None:
    """It has the name and the size of the one that is sent: nobody sends it again."""
    built = program.build(tmp_path / "program.tar.gz")
    lab.world.root.put(built.name, b"x" * built.size)
    process = lab.pushed()
    lab.world.wait_machine()
    kill(process)
    for number in (1, 2, 3):
        lab.world.wait_machine(number)
        lab.world.wait_gone()
        lab.look_after()
    state, words = lab.status()
    last = lab.world.instances()[-1].instance_id
    assert (state, words[:40]) == ("error", f"Lost: machine {last} did not start"[:40])
    assert "the bundle has another hash than it should; after 3 machines no other one is tried" in lab.final
    assert len(lab.world.instances()) == 3
    assert list(lab.world.root.names(FOLDER)) == []
