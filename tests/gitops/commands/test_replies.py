"""Commands that only say something: the one reply to each."""

from __future__ import annotations

from pathlib import Path

from runner.gitops.commands.answering import command
from runner.report import markers
from tests.builders import RUN_ID
from tests.gitops.commands.commanding import (
    CLOSED,
    MERGED,
    OPEN,
    Performed,
    World,
    checkout,
    commanded,
    context,
    do,
    kept,
    shown,
)
from tests.snapshots import assert_snapshot


class TestReplies:
    def test_help(self, world: World, tmp_path: Path) -> None:
        body, reactions = do(world, tmp_path, "/runner help", login="cat", pull=CLOSED)
        assert reactions == ["eyes", "rocket"]
        assert_snapshot("comments/reply-help.md", shown(body))

    def test_a_mistake(self, world: World, tmp_path: Path) -> None:
        body, reactions = do(world, tmp_path, "/runner rety `@octocat` <b>", login="ann")
        assert reactions == ["eyes", "confused"]
        assert_snapshot("comments/reply-mistake.md", shown(body))

    def test_status_of_nothing(self, world: World, tmp_path: Path) -> None:
        assert "Nothing has run" in do(world, tmp_path, "/runner status", pull=OPEN)[0]

    def test_status(self, world: World, tmp_path: Path) -> None:
        kept(world)
        world.say(
            "ann",
            markers.line(markers.Marker(kind="live", subject="demo", generation=9, run="spoof")),
            MERGED,
        )
        body, reactions = do(world, tmp_path, "/runner status", login="cat")
        assert reactions == ["eyes", "rocket"]
        assert_snapshot("comments/reply-status.md", shown(body))

    def test_logs(self, world: World, tmp_path: Path) -> None:
        kept(world)
        body, reactions = do(world, tmp_path, f"/runner logs {RUN_ID} build")
        assert reactions == ["eyes", "rocket"]
        assert_snapshot("comments/reply-logs.md", shown(body))
        assert not (checkout(tmp_path) / ".runner").exists()

    def test_logs_that_are_not_there(self, world: World, tmp_path: Path) -> None:
        kept(world)
        for words, why in (("nope", "has no job nope"), ("test", "it never started")):
            body, reactions = do(world, tmp_path, f"/runner logs {RUN_ID} {words}")
            assert why in body
            assert reactions == ["eyes", "confused"]

    def test_unlock(self, world: World, tmp_path: Path) -> None:
        assert "nothing is locked" in do(world, tmp_path, "/runner unlock")[0]

    def test_plan_once_more(self, world: World, tmp_path: Path) -> None:
        body, reactions = do(world, tmp_path, "/runner plan", pull=OPEN)
        assert "Plans again" in body
        assert reactions == ["eyes", "rocket"]
        assert world.forge.workflow_run(31).attempt == 2
        body, reactions = do(world, tmp_path, "/runner plan", pull=OPEN)
        assert "is being made already" in body
        assert world.forge.workflow_run(31).attempt == 2

    def test_plan_that_was_never_made(self, world: World, tmp_path: Path) -> None:
        assert "no plan was made" in do(world, tmp_path, "/runner plan", pull=MERGED)[0]

    def test_in_a_locked_conversation_the_summary_says_it(self, world: World, tmp_path: Path) -> None:
        event = commanded(world, "ann", "/runner plan", OPEN)
        world.lock()  # type: ignore[attr-defined]
        here = context(checkout(tmp_path))
        assert command(here, event, world.forge, perform=Performed()) == 0
        assert here.summary_path is not None
        assert "no comment is taken" in here.summary_path.read_text()
        assert world.forge.workflow_run(31).attempt == 1
