"""Late, doubled, killed and racing: the newest plan is shown, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runner.gitops.comment.commenting import generation
from tests.builders import job
from tests.forge_worlds import InDouble, furnish
from tests.github_double import Double, serving
from tests.gitops.comment.plan_scenes import (
    FIRST,
    SECOND,
    Countdown,
    Killed,
    Scene,
    in_files,
    planned,
    wired,
)
from tests.virtual_time import VirtualTime


class TestOrder:
    def test_an_older_plan_never_overwrites_a_newer_one(self, scene: Scene) -> None:
        """Two runs of the plan at one commit, whose comments come in the wrong order."""
        older = scene.push(FIRST, planned("queues/etl.yaml", job("old")))
        newer = scene.plan(FIRST, planned("queues/etl.yaml", job("new")))
        scene.comment(newer)
        before = (scene.body(), scene.status(FIRST))
        assert scene.comment(older) == "#7: newer"
        assert (scene.body(), scene.status(FIRST)) == before

    def test_a_second_attempt_is_newer_than_the_first(self, scene: Scene) -> None:
        first = scene.push(FIRST, planned("queues/etl.yaml", job("old")))
        scene.comment(first)
        second = replace(first, attempt=2)
        scene.put(second, scene.raw(FIRST, planned("queues/etl.yaml", job("new"))))
        scene.comment(second)
        assert "`new`" in scene.body()
        status = scene.status(FIRST)
        assert status is not None
        assert status.target == "https://github.com/octo/lab/actions/runs/100/attempts/2"
        scene.put(first, scene.raw(FIRST, planned("queues/etl.yaml", job("old"))))
        scene.comment(first)
        assert "`new`" in scene.body()

    def test_generations_grow_with_runs_and_attempts(self, files: Scene) -> None:
        run = files.push(FIRST)
        following = replace(run, id=run.id + 1)
        assert generation(run) < generation(replace(run, attempt=2)) < generation(following)
        assert generation(replace(run, attempt=5000)) < generation(following)

    def test_twice_is_once(self, scene: Scene) -> None:
        scene.shown(FIRST, planned())
        run = scene.push(SECOND, planned("queues/etl.yaml", job("only")))
        scene.comment(run)
        before = scene.ours()
        said = scene.comment(run)
        assert said.startswith("#7: the status says already")
        assert said.endswith("The comment shows it already")
        assert scene.ours() == before
        if isinstance(scene.world, InDouble):
            writes = [
                c
                for c in scene.world.double.calls
                if c.method in {"POST", "PATCH"} and c.operation != "graphql"
            ]
            assert len(writes) == 4  # two statuses, one comment, one edit

    def test_few_calls(self, tmp_path: Path, checkout: Path) -> None:
        clock = VirtualTime()
        with serving(furnish(Double(clock))) as double:
            scene = Scene(world=InDouble(double, clock), checkout=checkout, folder=tmp_path)
            scene.shown(FIRST, planned())
            double.calls.clear()
            scene.shown(SECOND, planned("queues/etl.yaml", job("only")))
            scene.forge.close()
            assert len(double.calls) <= 14


def final(scene: Scene) -> tuple[object, ...]:
    status = scene.status(SECOND)
    assert status is not None
    live = [c.body for c in scene.ours() if not c.minimized]
    return status.state, status.description, status.target, live


@pytest.mark.slow
class TestKilled:
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_after_each_call(self, tmp_path: Path, checkout: Path, when: str) -> None:
        """Wherever the process ends, the next one leaves what an undisturbed one would have."""

        def scene_of(n: int) -> Scene:
            made = in_files(tmp_path / f"{when}-{n}", checkout)
            made.folder.mkdir(exist_ok=True)
            made.shown(FIRST, planned())
            return made

        changed = planned("queues/etl.yaml", job("only"))
        undisturbed = scene_of(0)
        undisturbed.shown(SECOND, changed)
        wanted = final(undisturbed)
        for calls in range(60):
            scene = scene_of(calls + 1)
            run = scene.push(SECOND, changed)
            hook = Countdown(calls)
            try:
                scene.comment(run, forge=wired(scene, **{when: hook}))
            except Killed:
                scene.comment(run)
                assert final(scene) == wanted
                continue
            assert final(scene) == wanted
            assert calls > 5
            return
        pytest.fail("it never ends")

    def test_in_the_middle_of_the_first_comment(self, files: Scene) -> None:
        run = files.push(FIRST, planned())
        for calls in range(30):
            try:
                files.comment(run, forge=wired(files, after=Countdown(calls)))
                break
            except Killed:
                assert len(files.ours()) <= 1
        assert len(files.ours()) == 1


@pytest.mark.slow
class TestRaces:
    @pytest.mark.parametrize("method", ["set_status", "comments", "add_comment", "edit_comment"])
    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("first", [True, False], ids=["first comment", "later"])
    def test_the_same_event_twice_at_once(self, files: Scene, method: str, when: str, first: bool) -> None:
        if not first:
            files.shown(FIRST, planned())
        commit = FIRST if first else SECOND
        run = files.push(commit, planned("queues/etl.yaml", job("only")))
        rival = Rival(method, lambda: files.comment(run))
        files.comment(run, forge=wired(files, **{when: rival}))
        assert "1 job" in files.body()
        assert sum(not c.minimized for c in files.ours()) == 1
        assert [c.id for c in files.ours() if not c.minimized] == [min(c.id for c in files.ours())]

    @pytest.mark.parametrize("method", ["statuses", "comments", "add_comment"])
    def test_a_newer_plan_at_the_same_time(self, files: Scene, method: str) -> None:
        older = files.push(FIRST, planned("queues/etl.yaml", job("old")))
        newer = files.plan(FIRST, planned("queues/etl.yaml", job("new")))
        rival = Rival(method, lambda: files.comment(newer))
        files.comment(older, forge=wired(files, before=rival))
        assert "`new`" in files.body()

    def test_both_posted_and_one_of_them_died(self, files: Scene) -> None:
        """Two comments of ours: the older is kept and made right, the other folded away."""
        run = files.push(FIRST, planned())
        files.comment(run)
        posted = files.forge.add_comment(7, files.body())
        again = files.push(SECOND, planned("queues/etl.yaml", job("only")))
        files.comment(again)
        assert [c.minimized for c in files.ours()] == [False, True]
        assert files.ours()[1].id == posted.id
        assert "1 job" in files.body()


class Rival:
    """Another process that does all of its work at the first call of this method."""

    def __init__(self, method: str, act: Callable[[], object]) -> None:
        self.method, self.act = method, act
        self.busy = False

    def __call__(self, name: str) -> None:
        if name == self.method and not self.busy:
            self.busy = True
            self.act()
