"""What a comment says of the changes since the last push."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import ForgeBusyError
from runner.gitops.plan.artifact import LIMIT
from tests.builders import job
from tests.forge_worlds import BASE, FORK, InFiles
from tests.gitops.comment.plan_scenes import (
    BROKEN,
    FIRST,
    SECOND,
    Scene,
    planned,
    wired,
)
from tests.gitops.pull_requests import HELLO, put
from tests.repositories import commit_all, repository


class TestSinceTheLastPush:
    LATER = planned("queues/etl.yaml", job("load", timeout=60.0), job("check", "load"))
    SECTION = "since the last push"

    def test_is_there_again_when_the_event_comes_twice(self, files: Scene) -> None:
        files.shown(FIRST, planned())
        run = files.push(SECOND, self.LATER)
        files.comment(run)
        assert self.SECTION in files.body()
        files.comment(run)
        assert self.SECTION in files.body()

    def test_a_forged_artifact_of_the_last_push_is_not_believed(self, scene: Scene) -> None:
        """Its owner puts the new plan there, to hide what the new push changes."""
        run = scene.push(FIRST, planned())
        scene.comment(run)
        scene.put(run, scene.raw(FIRST, self.LATER))
        said = scene.shown(SECOND, self.LATER)
        assert "status success" in said
        # The genuine one is still kept beside it, and is what is compared with.
        assert self.SECTION in scene.body()
        assert "removed `report`" in scene.body()

    @pytest.mark.parametrize("trouble", ["expired", "no zip", "bomb", "elsewhere", "broken before", "fork"])
    def test_where_it_cannot_be_told_there_is_no_such_section(self, files: Scene, trouble: str) -> None:
        world = files.world
        assert isinstance(world, InFiles)
        before = BROKEN if trouble == "broken before" else planned()
        run = files.push(FIRST, before)
        files.comment(run)
        folder = files.folder / "forge" / "artifacts"
        (about,), (content,) = folder.glob("*.json"), folder.glob("*.zip")
        if trouble == "expired":
            about.write_text(json.dumps({**json.loads(about.read_text()), "expired": True}))
        elif trouble == "no zip":
            content.write_bytes(b"PK")
        elif trouble == "bomb":
            content.write_bytes(b"x" * (LIMIT * 2))
        elif trouble == "elsewhere":
            world.files.put_workflow_run(replace(run, repository=4))
        elif trouble == "fork":
            world.files.put_workflow_run(replace(run, head_repository=FORK))
        files.shown(SECOND, self.LATER)
        assert self.SECTION not in files.body()
        assert "`check`" in files.body()

    def test_a_forge_that_is_busy_just_then(self, files: Scene) -> None:
        files.shown(FIRST, planned())
        run = files.push(SECOND, self.LATER)

        def busy(name: str) -> None:
            if name == "runs_of":
                raise ForgeBusyError("busy", until=0.0)

        files.comment(run, forge=wired(files, before=busy))
        assert self.SECTION not in files.body()


def test_the_base_of_the_request_where_the_clone_has_it(files: Scene, tmp_path: Path) -> None:
    folder = repository(tmp_path / "clone")
    put(folder, {"queues/hello.yaml": HELLO})
    base = commit_all(folder)
    put(folder, {"queues/hello.yaml": HELLO.replace("echo hello", "echo later")})
    commit_all(folder)
    files.checkout = folder
    made = planned("queues/hello.yaml", job("greet", command="echo hi", timeout=60.0), queue_id="hello")
    files.update(base_commit=base)
    files.shown(FIRST, made)
    assert "`echo hello` → `echo hi`" in files.body()
    files.update(base_commit=BASE)
    files.shown(SECOND, made)
    assert "`echo later` → `echo hi`" in files.body()
