"""A run that goes on in a fresh checkout finds the result files of its jobs that succeeded."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pytest

from runner import plan as plans
from runner.agent.order import Order
from runner.demo.world import AUTHOR
from runner.model import Git, Job
from tests.agent.test_agent import RUN, carry_out, state_of
from tests.builders import job, queue
from tests.hostile_world import HostileWorld, new_world

FETCH = job("fetch", command="mkdir -p out; seq 5 > out/rows.csv", result_files=("out/rows.csv",))
TRAIN = job("train", "fetch", command="test -e go && cat out/rows.csv > model")


QUEUE = {
    "jobs": [
        {"job_id": "fetch", "command": "seq 5 > rows.csv", "result_files": ["rows.csv"]},
        {
            "job_id": "train",
            "depends_on": ["fetch"],
            "command": 'test "$RUNNER_ATTEMPT" -gt 1 && cat rows.csv',
        },
    ]
}


def failed(tmp_path: Path, *jobs: Job) -> Order:
    """A run whose last job failed; the order to run it again in a checkout that has nothing of it."""
    first, fresh = tmp_path / "first", tmp_path / "fresh"
    first.mkdir()
    fresh.mkdir()
    plan = plans.make(queue(*(jobs or (FETCH, TRAIN))), source="queues/q.yaml", git=Git(sha="a" * 40))
    order = Order(
        action="start",
        run_id=RUN,
        directory=tmp_path / "runs" / RUN,
        checkout=first,
        plan=plans.to_json(plan).decode(),
    )
    order.directory.parent.mkdir()
    assert carry_out(order).returncode == 1
    (fresh / "go").touch()
    return dataclasses.replace(order, action="retry", checkout=fresh, plan="")


def kept(order: Order, name: str = "out/rows.csv") -> Path:
    return order.directory / "jobs/fetch/1/results" / name


def refused(order: Order, *words: str) -> None:
    done = carry_out(order)
    assert done.returncode == 4
    for word in ("job fetch cannot be put back", *words):
        assert word in done.stderr.decode()
    assert not (order.checkout / "model").exists()
    assert state_of(order).jobs["train"].attempt == 1


def test_a_retry_elsewhere_finds_them(tmp_path: Path) -> None:
    order = failed(tmp_path)
    assert carry_out(order).returncode == 0
    assert (order.checkout / "model").read_text() == "1\n2\n3\n4\n5\n"
    assert state_of(order).jobs["fetch"].attempt == 1
    assert sorted(path.name for path in order.checkout.rglob("*.restoring*")) == []


def test_the_same_path_may_be_another_machine(tmp_path: Path) -> None:
    order = failed(tmp_path)
    shutil.rmtree(tmp_path / "first")
    order.checkout.rename(tmp_path / "first")
    order = dataclasses.replace(order, checkout=tmp_path / "first")
    assert carry_out(order).returncode == 1, "nobody said that it is another one"
    assert carry_out(dataclasses.replace(order, restore=True)).returncode == 0


def test_what_runs_again_makes_its_files_anew(tmp_path: Path) -> None:
    order = failed(tmp_path)
    kept(order).write_text("damaged\n")
    assert carry_out(dataclasses.replace(order, job_ids=("fetch",))).returncode == 0
    assert state_of(order).jobs["fetch"].attempt == 2


def test_the_last_that_wrote_a_file_wins(tmp_path: Path) -> None:
    more = job(
        "more",
        "fetch",
        command="echo 6 >> out/rows.csv",
        result_files=("out/rows.csv",),
    )
    train = dataclasses.replace(TRAIN, depends_on=("more",))
    order = failed(tmp_path, FETCH, more, train)
    assert carry_out(order).returncode == 0
    assert (order.checkout / "model").read_text().endswith("5\n6\n")


def test_places_and_modes(tmp_path: Path) -> None:
    fetch = job(
        "fetch",
        command="echo echo hi > tool; chmod 755 tool; echo x > ../beside; echo y > $RUNNER_RESULT_DIR/own",
        working_directory="sub",
        result_files=("tool", "../beside"),
    )
    train = job("train", "fetch", command="test -e go && sub/tool > model")
    (tmp_path / "first/sub").mkdir(parents=True)
    (tmp_path / "first").rename(tmp_path / "with-sub")
    plan = plans.make(queue(fetch, train), source="queues/q.yaml", git=Git(sha="a" * 40))
    start = Order(
        action="start",
        run_id=RUN,
        directory=tmp_path / RUN,
        checkout=tmp_path / "with-sub",
        plan=plans.to_json(plan).decode(),
    )
    assert carry_out(start).returncode == 1
    fresh = tmp_path / "fresh"
    (fresh / "sub").mkdir(parents=True)
    (fresh / "go").touch()
    assert carry_out(dataclasses.replace(start, action="retry", checkout=fresh)).returncode == 0
    assert (fresh / "model").read_text() == "hi\n"
    assert os.access(fresh / "sub/tool", os.X_OK)
    assert (fresh / "beside").read_text() == "x\n"
    assert not list(fresh.rglob("own"))


@pytest.mark.parametrize("change", ["damaged", "gone", "a link", "no manifest"])
def test_what_is_not_as_it_was_left_is_refused(tmp_path: Path, change: str) -> None:
    order = failed(tmp_path)
    match change:
        case "damaged":
            kept(order).write_text("1\n2\n3\n4\n6\n")
        case "gone":
            kept(order).unlink()
        case "a link":
            (tmp_path / "elsewhere").write_text("1\n2\n3\n4\n5\n")
            kept(order).unlink()
            kept(order).symlink_to(tmp_path / "elsewhere")
        case "no manifest":
            kept(order, "manifest.json").write_text("{}")
    refused(order)


@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_written_through_a_link_out_of_the_checkout(tmp_path: Path, there: bool) -> None:
    order = failed(tmp_path)
    outside = tmp_path / "outside"
    if there:
        outside.mkdir()
    (order.checkout / "out").symlink_to(outside)
    refused(order, "out/rows.csv", "out of the checkout")
    assert not there or not list(outside.iterdir())


def test_a_link_in_the_place_of_a_file_is_replaced(tmp_path: Path) -> None:
    order = failed(tmp_path)
    (tmp_path / "outside").write_text("kept\n")
    (order.checkout / "out").mkdir()
    for name in ("rows.csv", "rows.csv.part", "file.part"):
        (order.checkout / "out" / name).symlink_to(tmp_path / "outside")
    assert carry_out(order).returncode == 0
    assert (tmp_path / "outside").read_text() == "kept\n"


@pytest.mark.slow
class TestOnGitHub:
    """The real commands, with a checkout that is new for each."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> HostileWorld:
        """A queue was merged and failed; its machine is gone."""
        world = new_world(tmp_path / "world")
        world.git("checkout", "--quiet", "-b", "topic", "main")
        world.commit("Add", {"queues/q.yaml": json.dumps(QUEUE)})
        world.git("checkout", "--quiet", "main")
        pull = world.open_pull(7, "Add", "topic")
        assert world.plan(pull) == 0
        assert world.comment(pull) == 0
        assert world.merge(world.squash(pull)) == 0
        return world

    def fresh(self, world: HostileWorld) -> None:
        world.git("clean", "--quiet", "-xffd")
        assert not (world.checkout / "rows.csv").exists()
        assert not world.runs_here()

    def retry(self, world: HostileWorld) -> str:
        (run,) = [path.name for path in world.runs_here()]
        self.fresh(world)
        world.command(world.forge.put_comment(7, f"/runner retry {run}", author=AUTHOR))
        return next(body for body in world.said(7) if body.startswith("<!-- runner:reply"))

    def test_retry(self, world: HostileWorld) -> None:
        said = self.retry(world)
        assert "**✅ Ran again, and succeeded**" in said
        assert (world.checkout / "rows.csv").read_text() == "1\n2\n3\n4\n5\n"

    def test_a_damaged_file_is_said_in_the_reply(self, world: HostileWorld) -> None:
        (path,) = world.runs_here()
        (path / "jobs/fetch/1/results/rows.csv").write_text("other\n")
        commit = world.git("rev-parse", "main")
        shown = world.statuses(commit)["runner/q"].target
        run = world.workflow("merge", "push", commit)
        world.keep_runs(dataclasses.replace(run, id=int(shown.rpartition("/")[2])))
        said = self.retry(world)
        assert "rows.csv of job fetch cannot be put back" in said
        assert "**😕 Not done**" in said
