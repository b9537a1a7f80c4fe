"""Commands that end a run, or some jobs of it."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import pytest

from runner import events as e
from runner.gitops.run.requests import Requests, cancel_requests
from runner.stores.directory import DirectoryStore
from tests.builders import RUN_ID, START, Log, job, queue
from tests.forge_worlds import furnish
from tests.github_double import BOT, Double, serving
from tests.gitops.commands.commanding import (
    COMMANDING,
    MERGED,
    RUNNING,
    DoubleWorld,
    FilesWorld,
    World,
    do,
    kept,
    shown,
)
from tests.snapshots import assert_snapshot
from tests.virtual_time import VirtualTime


class TestCancel:
    def test_of_a_live_run(self, world: World, tmp_path: Path) -> None:
        kept(world, conclusion="", state="pending")
        body, reactions = do(world, tmp_path, f"/runner cancel {RUN_ID} build")
        assert reactions == ["eyes", "rocket"]
        assert_snapshot("comments/reply-cancel.md", shown(body))
        (asked,) = cancel_requests(world.forge.comments(MERGED), world.forge.login(), RUN_ID, RUNNING)
        assert (asked.job_ids, asked.by) == (("build",), "ann")

    @pytest.mark.parametrize(
        ("conclusion", "state", "run_id", "why"),
        [
            ("success", "failure", RUN_ID, "is over: Failed: 2 | 3"),
            ("failure", "pending", RUN_ID, "nobody works on run"),
            ("", "pending", "demo-20200101T000000-zzzzzz", "there is no run demo-2020"),
        ],
    )
    def test_refused(
        self, files: FilesWorld, tmp_path: Path, conclusion: str, state: str, run_id: str, why: str
    ) -> None:
        kept(files, conclusion=conclusion, state=state)
        body, reactions = do(files, tmp_path, f"/runner cancel {run_id}")
        assert why in body
        assert reactions == ["eyes", "confused"]
        assert cancel_requests(files.forge.comments(MERGED), BOT, run_id) == []

    def test_only_our_own_words_cancel(self, files: FilesWorld, tmp_path: Path) -> None:
        kept(files, conclusion="", state="pending")
        body, _ = do(files, tmp_path, f"/runner cancel {RUN_ID}")
        real = cancel_requests(files.forge.comments(MERGED), BOT, RUN_ID)
        files.say("ann", body)
        files.say(
            "ann", body.replace(f'"subject":"{real[0].name.removeprefix("comment-")}"', '"subject":"99"')
        )
        assert cancel_requests(files.forge.comments(MERGED), BOT, RUN_ID) == real
        assert cancel_requests(files.forge.comments(MERGED), BOT, "another") == []
        assert cancel_requests(files.forge.comments(MERGED), BOT, RUN_ID, COMMANDING) == []
        nobody = [dataclasses.replace(one, author="") for one in files.forge.comments(MERGED)]
        assert cancel_requests(nobody, "", RUN_ID) == []

    def test_the_follower_lays_it_down_once(self, world: World, tmp_path: Path) -> None:
        kept(world, conclusion="", state="pending")
        do(world, tmp_path, f"/runner cancel {RUN_ID} build")
        run, clock = tmp_path / "run", world.clock
        store = DirectoryStore(run, RUN_ID)
        store.create(b"{}")
        log = Log(queue(job("build"), job("other"))).start("build", 0.0)
        state = log.state()
        looking = Requests(RUNNING)
        (given,) = looking.poll(world.forge, MERGED, run, state, clock.now())
        assert store.requests() == [
            {"type": "cancel", "job_ids": ["build"], "by": "ann", "request": given.name}
        ]
        assert store.requests() == []
        clock.sleep(61)
        assert looking.poll(world.forge, MERGED, run, state, clock.now()) == []
        log.add(e.CancelRequested(at=START + 1.0, job_ids=("build",), request=given.name))
        assert Requests(RUNNING).poll(world.forge, MERGED, run, log.state(), clock.now()) == []
        assert store.requests() == []

    def test_it_looks_now_and_then(self, tmp_path: Path) -> None:
        clock = VirtualTime(START)
        with serving(furnish(Double(clock))) as double:
            world, looking = DoubleWorld(double, clock), Requests(RUNNING)
            state = Log(queue(job("build"))).state()
            times = []
            for second in range(3000):
                before = len(double.calls)
                looking.poll(world.forge, MERGED, tmp_path, state, START + second)
                times += [second] if len(double.calls) > before else []
            gaps = [b - a for a, b in pairwise(times)]
            assert gaps[:10] == [15] * 10
            assert gaps == sorted(gaps)
            assert max(gaps) == 60
            world.forge.close()
            assert double.violations == []

    def test_trouble_with_the_forge_does_not_end_the_run(self, tmp_path: Path) -> None:
        clock = VirtualTime(START)
        with serving(furnish(Double(clock))) as double:
            world, looking = DoubleWorld(double, clock), Requests(RUNNING)
            fault = double.fail(operation="issues/list-comments", status=403, message="no")
            state = Log(queue(job("build"))).state()
            assert looking.poll(world.forge, MERGED, tmp_path, state, START) == []
            assert "cannot read the comments" in looking.trouble
            double.faults.remove(fault)
            assert looking.poll(world.forge, MERGED, tmp_path, state, START + 60) == []
            assert looking.trouble == ""
            world.forge.close()
