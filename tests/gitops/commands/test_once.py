"""A command is done once, whoever dies, comes twice or is there at the same time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.gitops.commands.answering import command
from runner.gitops.payload import CommentEvent
from runner.gitops.run.requests import cancel_requests
from runner.ports import CodeHost, Status
from runner.report import markers
from tests.builders import RUN_ID
from tests.forge_worlds import MERGE, furnish
from tests.github_double import BOT, Double, serving
from tests.gitops.commands.commanding import (
    COMMANDING,
    DIGEST,
    MERGED,
    SERVER,
    DoubleWorld,
    FilesWorld,
    Performed,
    World,
    checkout,
    commanded,
    context,
    do,
    kept,
    replies,
    shown,
    workflow_run,
)
from tests.snapshots import assert_snapshot
from tests.virtual_time import VirtualTime


class Killed(BaseException):
    """The process is gone."""


class Dying:
    """A forge to which so many calls are made; the process dies after the last one."""

    def __init__(self, forge: CodeHost, calls: int) -> None:
        self._forge, self.left = forge, calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not self.left:
                raise Killed
            self.left -= 1
            return getattr(self._forge, name)(*args, **kwargs)

        return call


@pytest.mark.slow
class TestOnce:
    def test_a_second_delivery_does_nothing(self, world: World, tmp_path: Path) -> None:
        kept(world)
        event = commanded(world, "ann", f"/runner retry {RUN_ID}")
        perform = Performed()
        for number in (COMMANDING, 901, COMMANDING):
            place = context(checkout(tmp_path, f"checkout-{number}"), number)
            assert command(place, event, world.forge, perform=perform) == 0
        assert len(perform.calls) == 1
        (reply,) = replies(world)
        assert "Ran again" in reply.body

    @pytest.mark.parametrize("words", ["help", f"retry {RUN_ID}", f"run {DIGEST}", f"cancel {RUN_ID}"])
    def test_killed_after_any_call(self, tmp_path: Path, words: str) -> None:
        for calls in range(100):
            world = FilesWorld(tmp_path / f"forge-{calls}", VirtualTime())
            live = words.startswith("cancel")
            kept(world, conclusion="" if live else "success", state="pending" if live else "failure")
            event = commanded(world, "ann", f"/runner {words}")
            perform, dying = Performed(), Dying(world.forge, calls)
            try:
                command(context(checkout(tmp_path, f"a{calls}")), event, dying, perform=perform)  # type: ignore[arg-type]
            except Killed:
                over = False
            else:
                over = True
            second = context(checkout(tmp_path, f"b{calls}"), attempt=2)
            assert command(second, event, world.forge, perform=perform) == 0
            (reply,) = replies(world)
            marker = markers.parse(reply.body)
            assert marker is not None
            assert marker.generation == 2
            assert len(perform.calls) <= 1
            if not words.startswith(("retry", "run")):
                assert "broke off" not in reply.body
            elif "broke off" not in reply.body:
                assert len(perform.calls) == 1
            if live:
                assert len(cancel_requests(world.forge.comments(MERGED), BOT, RUN_ID)) == 1
            if over:
                assert calls > 5
                return
        raise AssertionError("it never came to its end")

    def test_a_machine_that_still_works_on_it_is_not_given_up(self, world: World, tmp_path: Path) -> None:
        kept(world)
        world.workflow(workflow_run(COMMANDING, workflow=".github/workflows/command.yaml", conclusion=""))
        event = commanded(world, "ann", f"/runner retry {RUN_ID}")
        seen = []

        class SecondInBetween(Performed):
            def _carried(self, *args: Any) -> Any:
                other = Performed()
                place = context(checkout(tmp_path, "other"), 901)
                assert command(place, event, world.forge, perform=other) == 0
                seen.append((other.calls, replies(world)[-1].body))
                return super()._carried(*args)

        perform = SecondInBetween()
        assert command(context(checkout(tmp_path)), event, world.forge, perform=perform) == 0
        ((calls, between),) = seen
        assert calls == []
        assert "Runs again" in between
        (reply,) = replies(world)
        assert "Ran again" in reply.body

    def test_one_whose_machine_is_gone_is_said_to_have_broken_off(self, world: World, tmp_path: Path) -> None:
        world.workflow(
            workflow_run(COMMANDING, workflow=".github/workflows/command.yaml", conclusion="cancelled")
        )
        event = commanded(world, "ann", f"/runner run {DIGEST}")

        class Dies(Performed):
            def _carried(self, *args: Any) -> Any:
                raise Killed

        with pytest.raises(Killed):
            command(context(checkout(tmp_path)), event, world.forge, perform=Dies())
        perform = Performed()
        assert command(context(checkout(tmp_path), 901), event, world.forge, perform=perform) == 0
        assert perform.calls == []
        (reply,) = replies(world)
        assert_snapshot("comments/reply-broke-off.md", shown(reply.body))
        assert world.reactions(event.comment) == ["eyes", "rocket", "confused"]

    @pytest.mark.parametrize("words", ["help", f"run {DIGEST}"])
    def test_two_at_once(self, tmp_path: Path, words: str) -> None:
        """The other comes whole between any two calls of the one."""
        for calls in range(40):
            world = FilesWorld(tmp_path / f"forge-{calls}", VirtualTime())
            for number in (COMMANDING, 901):
                world.workflow(workflow_run(number, workflow=".github/workflows/command.yaml", conclusion=""))
            event = commanded(world, "ann", f"/runner {words}")
            perform = Performed()

            def other(
                world: FilesWorld = world, event: CommentEvent = event, perform: Performed = perform
            ) -> None:
                assert command(context(checkout(tmp_path), 901), event, world.forge, perform=perform) == 0

            between = Between(world.forge, calls, other)
            assert command(context(checkout(tmp_path)), event, between, perform=perform) == 0  # type: ignore[arg-type]
            assert len(perform.calls) == (words != "help")
            (reply,) = replies(world)
            marker = markers.parse(reply.body)
            assert marker is not None
            assert marker.generation == 2
            assert "broke off" not in reply.body
            if between.left:
                assert calls > 5
                return
        raise AssertionError("it never came to its end")

    def test_two_commands_for_one_run(self, files: FilesWorld, tmp_path: Path) -> None:
        """Another comment asks for the same while the first is at it, before any status says so."""
        kept(files)
        files.workflow(workflow_run(COMMANDING, workflow=".github/workflows/command.yaml", conclusion=""))
        first, second = (commanded(files, login, f"/runner retry {RUN_ID}") for login in ("ann", "bob"))
        later = Performed()

        class SecondInBetween(Performed):
            def _carried(self, *args: Any) -> Any:
                place = context(checkout(tmp_path, "other"), 901)
                assert command(place, second, files.forge, perform=later) == 0
                return super()._carried(*args)

        perform = SecondInBetween()
        assert command(context(checkout(tmp_path)), first, files.forge, perform=perform) == 0
        assert (len(perform.calls), later.calls) == (1, [])
        done, refused = sorted((c.body for c in replies(files)), key=lambda body: "another command" in body)
        assert "Ran again" in done
        assert f"another command is at it already: retry {RUN_ID}" in refused
        assert files.reactions(second.comment) == ["eyes", "rocket", "confused"]

    def test_a_command_that_died_does_not_hold_up_the_next(self, files: FilesWorld, tmp_path: Path) -> None:
        kept(files)
        files.workflow(workflow_run(COMMANDING, workflow=".github/workflows/command.yaml"))
        first, second = (commanded(files, "ann", f"/runner retry {RUN_ID}") for _ in range(2))

        class Dies(Performed):
            def _carried(self, *args: Any) -> Any:
                raise Killed

        with pytest.raises(Killed):
            command(context(checkout(tmp_path)), first, files.forge, perform=Dies())
        perform = Performed()
        place = context(checkout(tmp_path, "other"), 901)
        assert command(place, second, files.forge, perform=perform) == 0
        assert len(perform.calls) == 1

    def test_what_is_said_while_we_look_is_left(self, files: FilesWorld, tmp_path: Path) -> None:
        """The one that seemed to be gone ends well at the very moment."""
        files.workflow(workflow_run(COMMANDING, workflow=".github/workflows/command.yaml"))
        event = commanded(files, "ann", f"/runner run {DIGEST}")

        class SecondInBetween(Performed):
            def _carried(self, *args: Any) -> Any:
                (mine,) = replies(files)
                done = mine.body.replace('"generation":1', '"generation":2')

                class Late(Dying):
                    def __getattr__(self, name: str) -> Callable[..., Any]:
                        if name == "workflow_run":
                            files.forge.edit_comment(mine, f"{done}\nIt ended well")
                        return super().__getattr__(name)

                late: Any = Late(files.forge, 1000)
                assert command(context(checkout(tmp_path, "b"), 901), event, late, perform=Performed()) == 0
                raise Killed

        with pytest.raises(Killed):
            command(context(checkout(tmp_path)), event, files.forge, perform=SecondInBetween())
        assert "It ended well" in replies(files)[-1].body

    def test_a_loser_that_died_is_folded_away(self, files: FilesWorld, tmp_path: Path) -> None:
        event = commanded(files, "ann", "/runner help")
        command(context(checkout(tmp_path)), event, files.forge, perform=Performed())
        (first,) = replies(files)
        files.forge.add_comment(MERGED, first.body.replace(f".{1}.", ".2.") + "more")
        assert len(replies(files)) == 2
        command(context(checkout(tmp_path), 901), event, files.forge, perform=Performed())
        assert [one.id for one in replies(files)] == [first.id]

    def test_a_run_that_went_on_meanwhile(self, files: FilesWorld, tmp_path: Path) -> None:
        """Somebody's retry began and ended between our look at the run and our reply."""
        kept(files)
        event = commanded(files, "ann", f"/runner retry {RUN_ID}")

        def other() -> None:
            files.workflow(workflow_run(801))
            files.keep("runner-runs", b"x", 801)
            target = f"{SERVER}/octo/lab/actions/runs/801"
            files.clock.sleep(5)
            files.forge.set_status(MERGE, Status(context="runner/demo", state="success", target=target))

        class AtTheReply(Dying):
            def __getattr__(self, name: str) -> Callable[..., Any]:
                if name == "add_comment":
                    other()
                return super().__getattr__(name)

        perform = Performed()
        forge: Any = AtTheReply(files.forge, 1000)
        assert command(context(checkout(tmp_path)), event, forge, perform=perform) == 0
        assert perform.calls == []
        assert "somebody else went on" in replies(files)[-1].body

    def test_a_reply_of_somebody_else_is_none(self, files: FilesWorld, tmp_path: Path) -> None:
        event = commanded(files, "ann", "/runner help")
        marker = markers.Marker(kind="reply", subject=str(event.comment), generation=2)
        files.say("eve", f"{markers.line(marker)}\nDone")
        command(context(checkout(tmp_path)), event, files.forge, perform=Performed())
        assert [c.author for c in replies(files)] == ["eve", BOT]

    def test_a_lost_reply_is_found_again(self, tmp_path: Path) -> None:
        clock = VirtualTime()
        with serving(furnish(Double(clock))) as double:
            world = DoubleWorld(double, clock)
            double.fail(operation="issues/create-comment", status=0, carried_out=True, times=1)
            perform = Performed()
            body, _ = do(world, tmp_path, f"/runner run {DIGEST}", perform=perform)
            assert "Ran again" in body
            assert len(perform.calls) == 1
            world.forge.close()
            assert double.violations == []


class Between(Dying):
    """After so many calls something else happens, once."""

    def __init__(self, forge: CodeHost, calls: int, act: Callable[[], None]) -> None:
        super().__init__(forge, calls + 1)
        self._act = act

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.left == 1:
                self._act()
            self.left = max(0, self.left - 1)
            return getattr(self._forge, name)(*args, **kwargs)

        return call
