"""The comment stands in the right pull request, or nowhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.ports import WorkflowRun
from tests.builders import job
from tests.forge_worlds import FORK, MERGE, InDouble, furnish
from tests.github_double import BOT, Double, serving
from tests.gitops.comment.plan_scenes import (
    FIRST,
    SECOND,
    Scene,
    planned,
    wired,
)
from tests.virtual_time import VirtualTime


class TestWhose:
    """Only what the event and the forge say decides which pull request a plan is shown under."""

    def fork(self, scene: Scene) -> WorkflowRun:
        """A pull request from a fork of eve's, whose branch has the name of one here."""
        scene.update(head_repository=FORK, head_branch="main", head_commit=FIRST)
        scene.put_pull(scene.pull, owner="eve")
        return replace(scene.plan(FIRST, planned()), branch="main")

    def test_of_a_fork_it_is_found_by_owner_and_branch(self, tmp_path: Path, checkout: Path) -> None:
        clock = VirtualTime()
        with serving(furnish(Double(clock))) as double:
            scene = Scene(world=InDouble(double, clock), checkout=checkout, folder=tmp_path)
            run = self.fork(scene)
            scene.comment(run, pulls=(), head_owner="eve")
            assert "Ready to run" in scene.body()
            assert scene.status(FIRST) is not None
            scene.forge.close()
            assert double.violations == []

    def test_a_branch_of_that_name_in_another_fork_is_not_it(self, tmp_path: Path, checkout: Path) -> None:
        clock = VirtualTime()
        with serving(furnish(Double(clock))) as double:
            scene = Scene(world=InDouble(double, clock), checkout=checkout, folder=tmp_path)
            run = self.fork(scene)
            said = scene.comment(replace(run, head_repository=8001), pulls=(), head_owner="eve")
            assert said.startswith("No comment: there is no open pull request")
            assert scene.ours() == []
            assert scene.status(FIRST) is None
            scene.forge.close()

    def test_a_head_that_moved_on(self, scene: Scene) -> None:
        run = scene.push(FIRST, planned())
        scene.update(head_commit=SECOND)
        assert scene.comment(run) == "No comment: the head of #7 moved on, to `2abe2abe2abe`"
        assert (scene.ours(), scene.status(FIRST)) == ([], None)

    def test_two_pull_requests_from_one_branch(self, scene: Scene) -> None:
        run = scene.push(FIRST, planned())
        scene.put_pull(replace(scene.pull, number=8, base_branch="release"))
        assert scene.comment(run, pulls=()) == "No comment: several pull requests have this head: #7, #8"
        assert scene.comment(run, pulls=(7, 8)) == "No comment: several pull requests have this head: #7, #8"
        assert (scene.ours(), scene.status(FIRST)) == ([], None)

    def test_numbers_of_the_event_are_looked_up(self, scene: Scene) -> None:
        """They may be those of another repository: the same number here is another pull request."""
        run = scene.push(FIRST, planned())
        assert scene.comment(run, pulls=(5,)).startswith("No comment: there is no open pull request")
        assert scene.comment(run, pulls=(404,)).startswith("No comment: there is no open pull request")
        assert scene.ours() == []

    def test_one_that_is_closed(self, scene: Scene) -> None:
        run = scene.push(FIRST, planned())
        scene.update(is_open=False)
        assert scene.comment(run).startswith("No comment: there is no open pull request from `topic`")

    def test_the_run_of_another_repository(self, files: Scene) -> None:
        run = replace(files.push(FIRST, planned()), repository=4)
        assert files.comment(run) == "No comment: the workflow run is of another repository"

    def test_a_fork_that_is_gone(self, files: Scene) -> None:
        run = replace(files.push(FIRST, planned()), head_repository=0)
        assert files.comment(run) == "No comment: the repository of the pull request is gone"

    @pytest.mark.parametrize(
        "fields",
        [
            {"workflow": ".github/workflows/ci.yaml"},
            {"workflow": "plan.yaml"},
            {"workflow": ".github/workflows/../plan.yaml"},
            {"event": "push"},
            {"event": "workflow_dispatch"},
            {"conclusion": "cancelled"},
            {"conclusion": "skipped"},
            {"conclusion": ""},
        ],
    )
    def test_runs_that_left_no_plan(self, files: Scene, fields: dict[str, str]) -> None:
        run = replace(files.push(FIRST, planned()), **fields)
        assert files.comment(run).endswith("left no plan")
        assert (files.ours(), files.status(FIRST)) == ([], None)

    def test_a_merge_group_has_a_status_only(self, scene: Scene) -> None:
        run = scene.plan(MERGE, planned(), event="merge_group", branch="gh-readonly-queue/main/pr-7")
        scene.comment(run, pulls=())
        status = scene.status(MERGE)
        assert status is not None
        assert status.state == "success"
        assert scene.ours() == []

    def test_a_merge_group_of_elsewhere_has_none(self, files: Scene) -> None:
        run = files.plan(MERGE, planned(), event="merge_group")
        files.comment(replace(run, repository=4), pulls=())
        assert files.status(MERGE) is None


class TestClosedDoors:
    def test_a_locked_conversation_has_its_status(self, scene: Scene) -> None:
        scene.update(locked=True)
        assert scene.shown(FIRST, planned()).endswith("No comment: the conversation is locked")
        assert scene.status(FIRST) is not None
        assert scene.ours() == []

    def test_one_that_is_locked_just_now(self, files: Scene) -> None:
        run = files.push(FIRST, planned())

        def lock(name: str) -> None:
            if name == "add_comment":
                files.update(locked=True)

        said = files.comment(run, forge=wired(files, before=lock))
        assert "No comment: `cannot comment on #7: the conversation is locked`" in said

    def test_an_archived_repository(self, scene: Scene) -> None:
        run = scene.push(FIRST, planned())
        scene.world.archive()
        assert "No comment: " in scene.comment(run)
        assert scene.ours() == []


class TestAmongOthers:
    def test_130_comments_with_spoofed_markers(self, scene: Scene) -> None:
        scene.shown(FIRST, planned())
        (ours,) = scene.ours()
        spoofed = scene.body().replace('"generation":100001', '"generation":9000000000001')
        others = 130 if isinstance(scene.world, InDouble) else 20  # files have no pages
        for n in range(others):
            scene.world.say("eve", spoofed if n % 10 == 0 else f"comment {n}")
        scene.shown(SECOND, planned("queues/etl.yaml", job("only")))
        assert [c.id for c in scene.ours()] == [ours.id]
        assert "1 job" in scene.body()
        untouched = [c for c in scene.forge.comments(7) if c.author == "eve"]
        assert len(untouched) == others
        assert not any(c.minimized for c in untouched)

    def test_a_foreign_status_does_not_stand_for_ours(self, files: Scene) -> None:
        run = files.push(FIRST, planned())
        stranger = type(files.world.files)(files.folder / "forge", clock=files.world.clock, login="eve")  # type: ignore[union-attr]
        files.comment(run)
        ours = files.status(FIRST)
        assert ours is not None
        stranger.set_status(FIRST, replace(ours, target="https://github.com/octo/lab/actions/runs/999999"))
        files.comment(run)
        newest = files.status(FIRST)
        assert newest is not None
        assert newest.author == BOT

    def test_a_comment_that_somebody_deleted_just_now(self, files: Scene) -> None:
        files.shown(FIRST, planned())
        run = files.push(SECOND, planned("queues/etl.yaml", job("only")))
        done: list[str] = []

        def delete(name: str) -> None:
            if name == "edit_comment" and not done:
                done.append(name)
                for path in (files.folder / "forge" / "pulls" / "7" / "comments").iterdir():
                    path.unlink()

        files.comment(run, forge=wired(files, before=delete))
        assert "1 job" in files.body()
