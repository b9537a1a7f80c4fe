"""Commands that make a run go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner import events as e
from runner.errors import ForgeError, RefusedError
from runner.gitops.commands.answering import command
from tests.builders import RUN_ID, START, Log, job, queue
from tests.gitops.commands.commanding import (
    DIGEST,
    MERGED,
    OPEN,
    RUNNING,
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
)
from tests.snapshots import assert_snapshot


class TestAgain:
    def test_retry(self, world: World, tmp_path: Path) -> None:
        kept(world)
        perform = Performed()
        previews = []

        class Looks(Performed):
            def _carried(self, *args: Any) -> Any:
                previews.append(replies(world)[-1].body)
                return perform._carried(*args)

        body, reactions = do(world, tmp_path, f"/runner retry {RUN_ID}", perform=Looks(places=perform.places))
        assert perform.calls == [("retry", RUN_ID, ())]
        assert [(p.pull, p.commit, p.head) for p in perform.places] == [
            (MERGED, "0123456789abcdef0123456789abcdef01234567", "5" * 40)
        ]
        assert reactions == ["eyes", "rocket"]
        assert_snapshot("comments/reply-retry-preview.md", shown(previews[0]))
        assert_snapshot("comments/reply-retry.md", shown(body))

    def test_retry_of_some_jobs_takes_what_hangs_on_them(self, world: World, tmp_path: Path) -> None:
        kept(world)
        perform = Performed()
        body, _ = do(world, tmp_path, f"/runner retry {RUN_ID} lint", perform=perform)
        assert perform.calls == [("retry", RUN_ID, ("lint",))]
        assert "`lint`" in body
        assert "`build`" not in body

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            (f"retry {RUN_ID} nope", "has no job nope"),
            (f"resume {RUN_ID}", "there is nothing to go on with"),
            ("retry demo-20200101T000000-zzzzzz", "holds no run"),
            ("retry other-1", "there is no run other-1"),
        ],
    )
    def test_refused(self, files: FilesWorld, tmp_path: Path, words: str, why: str) -> None:
        kept(files)
        perform = Performed()
        event = commanded(files, "ann", f"/runner {words}")
        command(context(checkout(tmp_path)), event, files.forge, perform=perform)
        assert why in replies(files)[-1].body
        assert perform.calls == []
        assert files.reactions(event.comment) == ["eyes", "confused"]
        home = checkout(tmp_path) / ".runner"
        assert not home.exists() or [p.name for p in home.iterdir()] in ([], [".gitignore"])

    def test_a_live_run_is_left_alone(self, files: FilesWorld, tmp_path: Path) -> None:
        kept(files, conclusion="", state="pending")
        perform = Performed()
        body, _ = do(files, tmp_path, f"/runner retry {RUN_ID}", perform=perform)
        assert f"is live: workflow run {RUNNING}" in body
        assert perform.calls == []

    def test_resume_of_an_interrupted_run(self, files: FilesWorld, tmp_path: Path) -> None:
        log = (
            Log(queue(job("one"), job("two", "one"), job("three", "two"))).whole("one", 0.0).start("two", 2.0)
        )
        log.add(e.RunInterrupted(at=START + 3.0, reason="SIGTERM"))
        kept(files, log, state="error")
        perform = Performed()
        body, _ = do(files, tmp_path, f"/runner resume {RUN_ID}", perform=perform)
        assert perform.calls == [("resume", RUN_ID, ())]
        assert "`two`, `three`" in body
        assert "`one`" not in body

    def test_a_run_that_succeeded(self, files: FilesWorld, tmp_path: Path) -> None:
        kept(files, Log(queue(job("one"))).whole("one", 0.0).over(1.0), state="success")
        assert "has no job to run again" in do(files, tmp_path, f"/runner retry {RUN_ID}")[0]

    def test_what_was_held_back(self, world: World, tmp_path: Path) -> None:
        perform = Performed(said=("etl `started`\n@all",))
        body, reactions = do(world, tmp_path, f"/runner run {DIGEST}", perform=perform)
        assert perform.calls == [("run", DIGEST, ())]
        assert reactions == ["eyes", "rocket"]
        assert_snapshot("comments/reply-run.md", shown(body))
        assert "not merged yet" in do(world, tmp_path, f"/runner run {DIGEST}", pull=OPEN)[0]

    def test_it_goes_wrong(self, files: FilesWorld, tmp_path: Path) -> None:
        perform = Performed(raises=RefusedError("the digest is another", hint="look again"))
        body, reactions = do(files, tmp_path, f"/runner run {DIGEST}", perform=perform)
        assert "the digest is another\nlook again" in body
        assert reactions == ["eyes", "rocket", "confused"]
        event = commanded(files, "ann", f"/runner run {DIGEST}")
        perform = Performed(raises=ForgeError("GitHub is gone"))
        assert command(context(checkout(tmp_path)), event, files.forge, perform=perform) == 4
        assert "GitHub is gone" in replies(files)[-1].body
