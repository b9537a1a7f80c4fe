"""The budget of writes is the repository's: who publishes takes a part of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from runner.forges.files import FileForge
from runner.forges.github.budget import Limits
from runner.forges.github.pace import Pace
from runner.gitops.context import Context
from runner.gitops.run.sharing import EVERY, Sharing
from tests.forge_worlds import PLAN
from tests.virtual_time import VirtualTime

HERE = "ann/queues/.github/workflows/runner-merge.yaml@refs/heads/main"


class Counting(FileForge):
    """Remembers what it was told."""

    shares: tuple[int, ...] = ()

    def share(self, among: int) -> None:
        self.shares += (among,)


def sharing(tmp_path: Path, workflow: str = HERE) -> tuple[Sharing, Counting]:
    forge = Counting(tmp_path, clock=VirtualTime())
    context = Context(
        event_name="push",
        event_path=tmp_path,
        repository="ann/queues",
        sha="a" * 40,
        ref="refs/heads/main",
        checkout=tmp_path,
        environ={"GITHUB_WORKFLOW_REF": workflow},
    )
    return Sharing(context, forge), forge


def test_all_that_publish_are_counted_now_and_then(tmp_path: Path) -> None:
    counting, forge = sharing(tmp_path)
    for number, name in enumerate(("runner-merge", "runner-merge", "runner-command", "runner-plan"), 1):
        path = f".github/workflows/{name}.yaml"
        forge.put_workflow_run(dataclasses.replace(PLAN, id=number, workflow=path, conclusion=""))
    counting.look(100.0)
    counting.look(100.0 + EVERY / 2)
    assert forge.shares == (3,)
    forge.put_workflow_run(
        dataclasses.replace(PLAN, id=1, workflow=".github/workflows/runner-merge.yaml", conclusion="success")
    )
    counting.look(100.0 + EVERY)
    assert forge.shares == (3, 2)


@pytest.mark.parametrize("workflow", ["", "ann/queues/.github/workflows/build.yaml@refs/heads/main", "x" * 9])
def test_elsewhere_nothing_is_shared(tmp_path: Path, workflow: str) -> None:
    counting, forge = sharing(tmp_path, workflow)
    counting.look(100.0)
    assert forge.shares == ()


def test_a_part_is_a_part_of_the_whole() -> None:
    clock = VirtualTime()
    pace = Pace(clock=clock, sleep=clock.sleep, limits=Limits(apart=1.0, writes_per_minute=6))
    for among, wait in ((3, 3.0), (2, 2.0), (0, 1.0)):
        pace.share(among)
        pace.enter(write=True)
        assert pace.next_write() == pytest.approx(clock.now() + wait, abs=0.01)
        clock.sleep(600)
