"""What every forge does: one suite for GitHub (against the double) and for the embedded one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.errors import ForgeError, ForgeNotFoundError, ForgeRefusedError
from runner.forges.bounds import LONGEST_COMMENT, LONGEST_DESCRIPTION
from runner.ports import Comment, PullRequest, Status, Subject, WorkflowFile
from tests.forge_worlds import HEAD, MERGE, PLAN, PULLS, ForgeWorld, InDouble, InFiles, furnish
from tests.github_double import BOT, Double, serving
from tests.virtual_time import VirtualTime

MARKER = "<!-- runner:plan -->"


@pytest.fixture(params=["github", "files"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ForgeWorld]:
    clock = VirtualTime()
    if request.param == "files":
        yield InFiles(tmp_path / "forge", clock)
        return
    with serving(furnish(Double(clock))) as double:
        made = InDouble(double, clock)
        yield made
        made.forge.close()
        assert double.violations == []
        assert double.limits.refused == []


class TestStatuses:
    def test_a_commit_without_any(self, world: ForgeWorld) -> None:
        assert list(world.forge.statuses(HEAD)) == []

    def test_what_is_set_is_read_with_author_and_time(self, world: ForgeWorld) -> None:
        status = Status(
            context="runner/etl", state="pending", description="3 jobs", target="https://x.example/1"
        )
        world.forge.set_status(HEAD, status)
        found = world.forge.statuses(HEAD)
        assert found == (dataclasses.replace(status, author=BOT, at=found[0].at),)
        assert abs(found[0].at - world.clock.now()) < 2

    def test_the_newest_of_each_context_newest_first(self, world: ForgeWorld) -> None:
        for context, state in (("a", "pending"), ("b", "pending"), ("a", "success")):
            world.forge.set_status(HEAD, Status(context=context, state=state))
        assert [(s.context, s.state) for s in world.forge.statuses(HEAD)] == [
            ("a", "success"),
            ("b", "pending"),
        ]

    def test_of_one_commit_only(self, world: ForgeWorld) -> None:
        world.forge.set_status(HEAD, Status(context="a", state="success"))
        assert list(world.forge.statuses(MERGE)) == []

    def test_more_than_a_page(self, world: ForgeWorld) -> None:
        for number in range(103):
            world.forge.set_status(HEAD, Status(context=f"job-{number}", state="success"))
        assert {s.context for s in world.forge.statuses(HEAD)} == {f"job-{n}" for n in range(103)}

    def test_longest_description_passes_and_a_longer_one_is_refused(self, world: ForgeWorld) -> None:
        longest = Status(context="a", state="success", description="é" * LONGEST_DESCRIPTION)
        world.forge.set_status(HEAD, longest)
        with pytest.raises(ForgeError, match="141 characters, and 140 are allowed"):
            world.forge.set_status(HEAD, dataclasses.replace(longest, description="é" * 141))
        assert world.forge.statuses(HEAD)[0].description == longest.description

    @pytest.mark.parametrize(("context", "state"), [("a", "green"), ("", "success"), ("c" * 256, "success")])
    def test_what_no_status_can_be_is_refused(self, world: ForgeWorld, context: str, state: str) -> None:
        with pytest.raises(ForgeError, match="status"):
            world.forge.set_status(HEAD, Status(context=context, state=state))
        assert list(world.forge.statuses(HEAD)) == []


class TestComments:
    def test_what_is_added_is_read(self, world: ForgeWorld) -> None:
        body = f"{MARKER}\n# Grüße 👋\n\n```\nlog\r\n```\n<b>x</b>  \n"
        added = world.forge.add_comment(7, body)
        assert (added.author, added.by_bot, added.body, added.pull) == (BOT, True, body, 7)
        assert not added.minimized
        assert added.at == added.edited_at
        assert list(world.forge.comments(7)) == [added]
        assert world.forge.comment(added.id) == added

    def test_among_those_of_others_oldest_first(self, world: ForgeWorld) -> None:
        world.say("ann", "first")
        world.forge.add_comment(7, "second")
        world.say("eve", "third")
        found = world.forge.comments(7)
        assert [(c.author, c.body) for c in found] == [("ann", "first"), (BOT, "second"), ("eve", "third")]
        assert [c.by_bot for c in found] == [False, True, False]

    def test_every_page_is_read(self, world: ForgeWorld) -> None:
        for number in range(130):
            world.say("ann", f"{number}")
        mine = world.forge.add_comment(7, MARKER)
        found = world.forge.comments(7)
        assert [c.body for c in found] == [*map(str, range(130)), MARKER]
        assert found[-1].id == mine.id

    def test_edited_in_place(self, world: ForgeWorld) -> None:
        first = world.forge.add_comment(7, "before")
        world.clock.sleep(100)
        world.forge.edit_comment(first, "after")
        (found,) = world.forge.comments(7)
        assert (found.id, found.body, found.at) == (first.id, "after", first.at)
        assert found.edited_at > found.at

    def test_minimized_once_or_twice(self, world: ForgeWorld) -> None:
        added = world.forge.add_comment(7, MARKER)
        world.forge.minimize_comment(added)
        world.forge.minimize_comment(world.forge.comment(added.id))
        assert world.forge.comment(added.id) == dataclasses.replace(added, minimized=True)

    def test_reacted_to_once_or_twice(self, world: ForgeWorld) -> None:
        added = world.forge.add_comment(7, "hello")
        world.forge.react(added, "eyes")
        world.forge.react(added, "eyes")
        world.forge.react(added, "rocket")
        if isinstance(world, InFiles):
            assert list(world.files.reactions(added)) == ["eyes", "rocket"]
        else:
            assert isinstance(world, InDouble)
            kept = world.double.world.comments[added.id].reactions
            assert [(login, content) for _, login, content in kept] == [(BOT, "eyes"), (BOT, "rocket")]

    def test_one_that_is_gone(self, world: ForgeWorld) -> None:
        gone = Comment(id=999, pull=7, author=BOT, body="", at=0.0, edited_at=0.0, node="IC_gone")
        for act in (
            lambda: world.forge.comment(999),
            lambda: world.forge.edit_comment(gone, "x"),
            lambda: world.forge.minimize_comment(gone),
            lambda: world.forge.react(gone, "eyes"),
        ):
            with pytest.raises(ForgeNotFoundError):
                act()

    def test_no_such_pull_request(self, world: ForgeWorld) -> None:
        with pytest.raises(ForgeNotFoundError):
            world.forge.comments(99)
        with pytest.raises(ForgeNotFoundError):
            world.forge.add_comment(99, "x")

    def test_longest_passes_and_a_longer_one_is_refused(self, world: ForgeWorld) -> None:
        added = world.forge.add_comment(7, "x" * LONGEST_COMMENT)
        with pytest.raises(ForgeError, match="at most 65536 characters"):
            world.forge.add_comment(7, "x" * (LONGEST_COMMENT + 1))
        with pytest.raises(ForgeError, match="at most 65536 characters"):
            world.forge.edit_comment(added, "x" * (LONGEST_COMMENT + 1))
        with pytest.raises(ForgeError, match="needs a text"):
            world.forge.add_comment(7, " \n")
        assert [len(c.body) for c in world.forge.comments(7)] == [LONGEST_COMMENT]

    def test_locked_conversation(self, world: ForgeWorld) -> None:
        world.lock()
        with pytest.raises(ForgeRefusedError, match="locked"):
            world.forge.add_comment(7, "x")
        assert world.forge.pull(7).locked

    def test_archived_repository(self, world: ForgeWorld) -> None:
        world.archive()
        with pytest.raises(ForgeRefusedError, match="archived"):
            world.forge.add_comment(7, "x")
        assert world.forge.repository().archived


class TestPeople:
    @pytest.mark.parametrize(
        ("login", "permission"),
        [("ann", "admin"), ("bob", "write"), ("cat", "read"), ("eve", "none"), ("nobody-at-all", "none")],
    )
    def test_permission(self, world: ForgeWorld, login: str, permission: str) -> None:
        assert world.forge.permission(login) == permission

    @pytest.mark.parametrize(
        "login", ["", "../../actions", "a b", "ann/permission?", "ann\n", "a" * 500, "[bot]"]
    )
    def test_what_is_no_login_may_nothing(self, world: ForgeWorld, login: str) -> None:
        assert world.forge.permission(login) == "none"

    def test_our_own_name(self, world: ForgeWorld) -> None:
        assert world.forge.login() == BOT
        assert world.forge.add_comment(7, "x").author == world.forge.login()


def numbers(pulls: object) -> list[int]:
    assert isinstance(pulls, tuple)
    return [pull.number for pull in pulls]


class TestLookup:
    @pytest.mark.parametrize("pull", PULLS, ids=lambda pull: f"#{pull.number}")
    def test_pull_request(self, world: ForgeWorld, pull: PullRequest) -> None:
        found = world.forge.pull(pull.number)
        assert dataclasses.replace(found, url="") == pull
        assert found.is_merged == (pull.number == 5)

    def test_a_fork_that_is_gone(self, world: ForgeWorld) -> None:
        world.delete_fork()
        assert world.forge.pull(7).head_repository == 0
        assert [p.head_repository for p in world.forge.pulls_from("octo", "topic")] == [0]

    def test_no_such_pull_request(self, world: ForgeWorld) -> None:
        with pytest.raises(ForgeNotFoundError, match="#99"):
            world.forge.pull(99)

    def test_repository(self, world: ForgeWorld) -> None:
        found = world.forge.repository()
        assert (found.id, found.full_name, found.default_branch) == (4711, "octo/lab", "main")
        assert not found.archived

    def test_open_pull_requests_of_a_branch(self, world: ForgeWorld) -> None:
        assert numbers(world.forge.pulls_from("octo", "topic")) == [7]
        assert numbers(world.forge.pulls_from("octo", "old")) == []
        assert numbers(world.forge.pulls_from("eve", "topic")) == []

    def test_pull_requests_of_a_commit(self, world: ForgeWorld) -> None:
        assert numbers(world.forge.pulls_with(MERGE)) == [5]
        assert numbers(world.forge.pulls_with(HEAD)) == [7]


class TestWorkflows:
    def test_run(self, world: ForgeWorld) -> None:
        assert dataclasses.replace(world.forge.workflow_run(PLAN.id), url="") == PLAN
        with pytest.raises(ForgeNotFoundError):
            world.forge.workflow_run(99)

    def test_artifacts_of_a_run_or_by_name_newest_first(self, world: ForgeWorld) -> None:
        for name in ("plan", "other", "plan"):
            world.keep(name, name.encode())
        found = world.forge.artifacts(run_id=PLAN.id)
        assert [a.name for a in found] == ["plan", "other", "plan"]
        assert [a.id for a in found] == sorted((a.id for a in found), reverse=True)
        assert [a.id for a in world.forge.artifacts(name="plan")] == [found[0].id, found[2].id]
        assert {a.workflow_run for a in found} == {PLAN.id}

    def test_download_within_a_limit(self, world: ForgeWorld) -> None:
        world.keep("plan", b"x" * 1000)
        (artifact,) = world.forge.artifacts(run_id=PLAN.id)
        assert artifact.size == 1000
        assert world.forge.download(artifact, limit=1000) == b"x" * 1000
        with pytest.raises(ForgeRefusedError, match="more than 999 bytes"):
            world.forge.download(artifact, limit=999)

    def test_download_to_a_file_within_a_limit(self, world: ForgeWorld, tmp_path: Path) -> None:
        world.keep("runs", b"x" * 200_000)
        (artifact,) = world.forge.artifacts(name="runs")
        world.forge.download_to(artifact, tmp_path / "whole", limit=200_000)
        assert (tmp_path / "whole").read_bytes() == b"x" * 200_000
        with pytest.raises(ForgeRefusedError, match="more than 199999 bytes"):
            world.forge.download_to(artifact, tmp_path / "part", limit=199_999)
        with pytest.raises(ForgeError, match="File exists"):
            world.forge.download_to(artifact, tmp_path / "whole", limit=200_000)

    def test_runs_of_a_workflow_at_a_commit(self, world: ForgeWorld) -> None:
        assert [run.id for run in world.forge.runs_of("plan.yaml", HEAD)] == [PLAN.id]
        assert list(world.forge.runs_of("plan.yaml", MERGE)) == []

    def test_a_run_again(self, world: ForgeWorld) -> None:
        assert world.forge.active("plan.yaml") == 0
        world.forge.rerun(PLAN.id)
        again = world.forge.workflow_run(PLAN.id)
        assert (again.attempt, again.conclusion) == (2, "")
        assert world.forge.active("plan.yaml") == 1
        with pytest.raises(ForgeRefusedError, match="running"):
            world.forge.rerun(PLAN.id)
        with pytest.raises(ForgeNotFoundError):
            world.forge.rerun(99)

    def test_expired_artifact(self, world: ForgeWorld) -> None:
        world.keep("plan", b"x", expired=True)
        (artifact,) = world.forge.artifacts(name="plan")
        assert artifact.expired
        with pytest.raises(ForgeNotFoundError):
            world.forge.download(artifact, limit=10)

    def test_dispatch(self, world: ForgeWorld) -> None:
        world.forge.dispatch("merge.yaml", "main", {"queue": "etl", "params": "a=1"})
        assert world.dispatched() == [("merge.yaml", "main", {"queue": "etl", "params": "a=1"})]


def test_the_first_write_may_go_at_once_for_whoever_looked_at_the_clock_before(world: ForgeWorld) -> None:
    assert world.forge.next_write() == 0.0


class TestAdministration:
    def test_a_repository_that_is_set_up(self, world: ForgeWorld) -> None:
        world.set_up(
            workflows={"plan.yaml": "active", "reconcile.yaml": "disabled_inactivity"},
            fork_approval="all_external_contributors",
            self_hosted_runners=2,
            required={"main": ["runner/plan", "ci / test"]},
            token_subject="repo:octo@1/lab@2",
        )
        assert world.forge.workflows() == (
            WorkflowFile(path=".github/workflows/plan.yaml", state="active"),
            WorkflowFile(path=".github/workflows/reconcile.yaml", state="disabled_inactivity"),
        )
        assert world.forge.actions_enabled() is True
        assert world.forge.default_permissions() == "read"
        assert world.forge.fork_approval() == "all_external_contributors"
        assert world.forge.self_hosted_runners() == 2
        assert world.forge.required_checks("main") == {"runner/plan", "ci / test"}
        assert world.forge.token_subject() == Subject(prefix="repo:octo@1/lab@2")

    def test_a_branch_that_requires_nothing(self, world: ForgeWorld) -> None:
        assert world.forge.required_checks("main") == frozenset()

    def test_what_nobody_may_look_at_is_none(self, world: ForgeWorld) -> None:
        world.hide_setup()
        forge = world.forge
        found = [
            forge.workflows(),
            forge.actions_enabled(),
            forge.default_permissions(),
            forge.fork_approval(),
        ]
        assert [*found, forge.self_hosted_runners(), forge.token_subject()] == [None] * 6
