"""`runner github comment`: what the one comment and the one status say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.gitops.plan.artifact import LIMIT, NAME, PlannedFile
from runner.gitops.plan.digests import agreed, digest_in, reviewed
from runner.problems import Location, Problem
from runner.report import markers
from tests.builders import job
from tests.github_double import BOT
from tests.gitops.comment.plan_scenes import (
    BROKEN,
    FIRST,
    SECOND,
    Scene,
    harmless,
    planned,
    read,
)
from tests.snapshots import assert_snapshot


class TestShown:
    def test_a_first_plan(self, scene: Scene) -> None:
        made = planned()
        said = scene.shown(FIRST, made)
        assert said == f"#7: status success: `1 queue, 2 jobs · {agreed([made.plan])}`. The comment shows it"  # type: ignore[list-item]
        status = scene.status(FIRST)
        assert status is not None
        assert (status.state, status.author) == ("success", BOT)
        assert status.target == "https://github.com/octo/lab/actions/runs/100"
        assert made.plan is not None
        assert reviewed([status], BOT) == made.plan.digest
        harmless(scene)
        assert_snapshot("commenting/first.md", read(scene))

    def test_a_second_one_in_the_same_place_with_what_changed(self, scene: Scene) -> None:
        scene.shown(FIRST, planned())
        first = scene.ours()[0].id
        scene.shown(
            SECOND, planned("queues/etl.yaml", job("load", timeout=90.0), job("check", "load", timeout=5.0))
        )
        assert [c.id for c in scene.ours()] == [first]
        harmless(scene)
        assert_snapshot("commenting/second.md", read(scene))

    def test_against_the_default_branch(self, scene: Scene) -> None:
        made = planned("queues/hello.yaml", job("greet", command="echo hi", timeout=60.0), queue_id="hello")
        scene.shown(FIRST, made)
        assert "changed `greet`: `command` `echo hello` → `echo hi`" in scene.body()
        assert "removed `part`" in scene.body()

    def test_a_broken_push_replaces_a_green_plan(self, scene: Scene) -> None:
        scene.shown(FIRST, planned())
        scene.shown(SECOND, BROKEN)
        status = scene.status(SECOND)
        assert status is not None
        assert (status.state, status.description) == ("failure", "1 of 1 queue file cannot run")
        assert reviewed([status], BOT) is None
        harmless(scene)
        assert_snapshot("commenting/broken.md", read(scene))

    def test_five_pushes_are_remembered(self, scene: Scene) -> None:
        for n in range(1, 9):
            scene.shown(f"{n}abe" * 10, planned("queues/etl.yaml", *(job(f"j{i}") for i in range(n))))
        found = markers.parse(scene.body())
        assert found is not None
        assert [past.jobs for past in found.past] == [8, 7, 6, 5, 4, 3]
        assert len(scene.ours()) == 1

    def test_several_queues_have_one_digest(self, scene: Scene) -> None:
        made = [
            planned("queues/b.yaml", job("b"), queue_id="b"),
            planned("queues/a.yaml", job("a"), queue_id="a"),
        ]
        scene.shown(FIRST, *made)
        status = scene.status(FIRST)
        assert status is not None
        assert digest_in(status.description) == agreed([file.plan for file in made if file.plan])
        assert status.description.startswith("2 queues, 2 jobs · ")

    def test_ten_thousand_jobs(self, files: Scene) -> None:
        files.shown(FIRST, planned("queues/big.yaml", *(job(f"job-{n}") for n in range(10_000))))
        assert "10,000 jobs" in files.body()
        assert len(files.body()) < 60_000

    def test_a_queue_that_waits_for_values(self, scene: Scene) -> None:
        scene.shown(FIRST, PlannedFile(source="queues/by-hand.yaml", params=("day",)))
        status = scene.status(FIRST)
        assert status is not None
        assert (status.state, status.description) == ("success", "1 queue to be given values")
        harmless(scene)


class TestNothing:
    def test_without_a_comment_there_is_none(self, scene: Scene) -> None:
        said = scene.shown(FIRST)
        assert scene.ours() == []
        status = scene.status(FIRST)
        assert status is not None
        assert (status.state, status.description) == ("success", "No queues changed")
        assert said == "#7: status success: `No queues changed`. Nothing changed, so there is no comment"

    def test_one_that_is_there_says_so(self, scene: Scene) -> None:
        scene.shown(FIRST, planned())
        scene.shown(SECOND)
        harmless(scene)
        assert_snapshot("commenting/nothing.md", read(scene))

    def test_only_removed_queues(self, scene: Scene) -> None:
        scene.shown(FIRST, planned())
        run = scene.push(SECOND)
        scene.put(run, scene.raw(SECOND, removed=["queues/old.yaml"]))
        scene.comment(run)
        assert "`queues/old.yaml`: it runs no more" in scene.body()


class TestUnreadable:
    @pytest.mark.parametrize(
        "raw",
        [b"", b"{}", b"x" * (LIMIT + 1), b'{"version":1}'],
        ids=["empty", "object", "large", "cut"],
    )
    def test_a_green_plan_does_not_stay(self, scene: Scene, raw: bytes) -> None:
        scene.shown(FIRST, planned())
        scene.shown(SECOND, raw=raw)
        status = scene.status(SECOND)
        assert status is not None
        assert (status.state, status.description) == ("failure", "The plan could not be read")
        assert "## ❌ The plan could not be read" in scene.body()
        harmless(scene)

    def test_as_it_is_read(self, files: Scene) -> None:
        files.shown(FIRST, planned())
        files.shown(SECOND, raw=b"{}")
        assert_snapshot("commenting/unreadable.md", read(files))

    def test_without_an_artifact(self, files: Scene) -> None:
        run = files.push(FIRST, conclusion="failure")
        (files.folder / f"{run.id}" / NAME).unlink()
        files.comment(run)
        assert "there is none: the plan workflow left nothing" in files.body()

    def test_the_plan_of_another_commit(self, files: Scene) -> None:
        """The artifact says which commit it is of; the event does, too, and that cannot be made up."""
        files.shown(SECOND, raw=files.raw(FIRST, planned()))
        status = files.status(SECOND)
        assert status is not None
        assert status.state == "failure"
        assert files.status(FIRST) is None
        assert "it is that of another commit" in files.body()

    def test_a_link_is_not_followed(self, files: Scene) -> None:
        run = files.push(FIRST, planned())
        place = files.folder / f"{run.id}" / NAME
        place.rename(place.with_name("elsewhere"))
        place.symlink_to("elsewhere")
        files.comment(run)
        assert "The plan could not be read" in files.body()

    def test_hostile_texts_stay_texts(self, scene: Scene) -> None:
        evil = "@octocat <img src=x> [x](https://evil.test) ```\n::error::x #1 \u202e"
        made = planned("queues/@octocat <b>.yaml", job("a", command=evil, description=evil), queue_name=evil)
        problem = Problem(
            rule="x", message=evil[:40], hint=evil, location=Location(file="queues/<b>.yaml", line=1)
        )
        scene.shown(FIRST, made, replace(BROKEN, problems=(problem,)))
        harmless(scene)
