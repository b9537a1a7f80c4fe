"""`runner github comment`: one comment and one status, of the right pull request, whatever else happens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from runner.errors import ForgeBusyError
from runner.gitops.comment.commenting import generation
from runner.gitops.plan.artifact import LIMIT, NAME, PlannedFile
from runner.gitops.plan.digests import agreed, digest_in, reviewed
from runner.ports import CodeHost, WorkflowRun
from runner.problems import Location, Problem
from runner.report import markers
from tests.builders import job
from tests.forge_worlds import BASE, FORK, MERGE, InDouble, InFiles, furnish
from tests.github_double import BOT, Double, serving
from tests.github_markdown import assert_harmless
from tests.gitops.plan_scenes import FIRST, SECOND, Countdown, Killed, Scene, Wired, planned
from tests.gitops.pull_requests import HELLO, put
from tests.repositories import commit_all, repository
from tests.snapshots import assert_snapshot
from tests.virtual_time import VirtualTime

BROKEN = PlannedFile(
    source="queues/etl.yaml",
    problems=(
        Problem(
            rule="unknown-dependency",
            message="there is no job `laod` to depend on",
            hint="did you mean load?",
            location=Location(file="queues/etl.yaml", line=4, column=17),
        ),
    ),
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default branch: one queue is there before."""
    folder = repository(tmp_path_factory.mktemp("checkout"))
    put(folder, {"queues/hello.yaml": HELLO})
    commit_all(folder)
    return folder


@pytest.fixture(params=["github", "files"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, checkout: Path) -> Iterator[Scene]:
    clock = VirtualTime()
    if request.param == "files":
        yield in_files(tmp_path, checkout)
        return
    with serving(furnish(Double(clock))) as double:
        made = InDouble(double, clock)
        yield Scene(world=made, checkout=checkout, folder=tmp_path)
        made.forge.close()
        assert double.violations == []
        assert double.limits.refused == []


@pytest.fixture
def files(tmp_path: Path, checkout: Path) -> Scene:
    return in_files(tmp_path, checkout)


def in_files(tmp_path: Path, checkout: Path) -> Scene:
    return Scene(world=InFiles(tmp_path / "forge", VirtualTime()), checkout=checkout, folder=tmp_path)


def read(scene: Scene) -> str:
    """The comment without its digests: a change of how they are made is no change of it."""
    return re.sub("sha256:[0-9a-f]{64}", "sha256:DIGEST", scene.body())


def harmless(scene: Scene) -> None:
    assert_harmless(scene.body(), links="https://github.com/octo/lab/blob/")


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


def wired(
    scene: Scene,
    *,
    before: Callable[[str], None] = lambda _: None,
    after: Callable[[str], None] = lambda _: None,
) -> CodeHost:
    return cast(CodeHost, Wired(scene.forge, before=before, after=after))


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
