"""Runs of one group go one after the other, as their queue says; the lock ends with its holder."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.errors import RefusedError, RunIsLiveError, StoreError
from runner.events import CancelRequested
from runner.plan import to_json
from runner.runs.exclusive import Candidate, turn
from runner.stores.directory import DirectoryStore
from tests.builders import START, Log, job, plan, queue
from tests.project import Project
from tests.waiting import PATIENCE, until


class World:
    """One checkout, in which runs of queues with some `concurrency` want to begin."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.said: list[str] = []

    def candidate(self, run_id: str, *, inside: str = "", **fields: str) -> Candidate:
        made = queue(job("a"), **{f"concurrency_{name}": value for name, value in fields.items()})
        return Candidate(
            run_id=run_id,
            directory=self.checkout / ".runner" / run_id,
            checkout=self.checkout,
            queue=made,
            inside=inside,
        )

    @contextmanager
    def turn(self, run_id: str, *, inside: str = "", **fields: str) -> Iterator[None]:
        holder = {"run_id": run_id, "pid": 1, "host": "here", "since": f"since {run_id}"}
        with turn(self.candidate(run_id, inside=inside, **fields), holder, self.said.append):
            yield

    @contextmanager
    def running(self, run_id: str, **fields: str) -> Iterator[DirectoryStore]:
        """A run that has its turn, and can be asked."""
        one = self.candidate(run_id, **fields)
        store = DirectoryStore(one.directory, run_id)
        with self.turn(run_id, **fields):
            store.create(to_json(plan(one.queue)))
            store.lease({"run_id": run_id})
            try:
                yield store
            finally:
                store.close()

    def begin(self, run_id: str, **fields: str) -> threading.Event:
        """Set once it has its turn, which it gives back at once."""
        begun = threading.Event()

        def begin() -> None:
            with self.turn(run_id, **fields):
                begun.set()

        threading.Thread(target=begin, daemon=True).start()
        return begun


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_second_waits_and_says_once_for_whom(world: World) -> None:
    with world.turn("first"):
        begun = world.begin("second")
        until(lambda: world.said)
        assert not begun.wait(0.3)
    assert begun.wait(PATIENCE)
    (said,) = world.said
    assert said.startswith(
        "waiting for run first (process 1 on here, since since first): runs of the group demo"
    )


def test_groups_are_apart(world: World) -> None:
    with world.turn("first"), world.turn("second", group="other"), world.turn("third", group="demo/x"):
        assert world.said == []


def test_a_group_joins_queues(world: World) -> None:
    with (
        world.turn("first", group="gpu"),
        pytest.raises(RunIsLiveError),
        world.turn("b", group="gpu", policy="reject"),
    ):
        pass


def test_reject_says_who_is_live_and_leaves_nothing(world: World) -> None:
    with world.turn("first"), pytest.raises(RunIsLiveError) as caught, world.turn("second", policy="reject"):
        pass
    assert caught.value.message == (
        "run first of the group demo is live (process 1 on here, since since first), "
        "and `concurrency.policy` is reject"
    )
    assert caught.value.exit_code == 4
    with world.turn("third", policy="reject"):
        pass


def test_cancel_asks_the_live_run_once_and_waits(world: World) -> None:
    with world.running("first") as store:
        begun = world.begin("second", policy="cancel")
        (asked,) = until(store.requests)
        also = world.begin("third", policy="cancel")
        until(lambda: len(world.said) == 2)
        assert (asked["type"], asked["job_ids"], asked["by"]) == ("cancel", [], "run second of its group")
        # Whoever asks next uses the same name: a run takes it up once, and its cleanup is not ended by it.
        again = [found["request"] for found in until(store.requests)]
        assert again == [asked["request"]]
        assert not begun.is_set()
    assert begun.wait(PATIENCE)
    assert also.wait(PATIENCE)


def test_a_run_that_is_cancelled_already_is_left_alone(world: World) -> None:
    log = Log(queue(job("a"))).add(CancelRequested(at=START, by="somebody"))
    with world.running("first") as store:
        store.open_log()
        store.append(log.events)
        begun = world.begin("second", policy="cancel")
        until(lambda: world.said)
        assert not begun.wait(0.3)
        assert store.requests() == []
    assert begun.wait(PATIENCE)


def test_what_an_earlier_holder_wrote_is_asked_nothing(world: World) -> None:
    """Between a lock and the name in it there is a moment: a run that is over must find no request later."""
    with world.running("first") as store:
        pass
    with world.turn("second"):
        (lease,) = (world.checkout / ".runner/leases").iterdir()
        lease.write_text(json.dumps({"run_id": "first", "directory": str(store.path), "pid": 1, "since": ""}))
        begun = world.begin("third", policy="cancel")
        until(lambda: world.said)
        assert not begun.wait(0.3)
    assert begun.wait(PATIENCE)
    assert store.requests() == []


def test_a_queue_whose_job_runs_it_again_goes_on(world: World) -> None:
    with world.turn("outer"), world.turn("inner", inside="outer"):
        assert world.said == []


@pytest.mark.parametrize("fields", [{"group": "demo"}, {"policy": "cancel"}, {"policy": "reject"}])
def test_one_that_says_so_does_not_wait_for_itself(world: World, fields: dict[str, str]) -> None:
    with world.turn("outer"), pytest.raises(RefusedError, match="wait for each other for ever"):  # noqa: SIM117
        with world.turn("inner", inside="outer", **fields):
            pass


def test_a_checkout_that_cannot_be_written_is_said(world: World) -> None:
    (world.checkout / ".runner").write_text("a file")
    with pytest.raises(StoreError, match="cannot lock"), world.turn("first"):
        pass


SLOW = """\
queue_id: slow
concurrency: {{policy: {policy}}}
jobs:
  - {{job_id: long, command: "echo ready; while [ ! -e go ]; do sleep 0.02; done"}}
  - {{job_id: cleanup, command: "touch cleaned-$RUNNER_RUN_ID", depends_on: [long], always_run: true}}
"""


@pytest.mark.slow
class TestTheCommand:
    def second(self, project: Project, policy: str) -> subprocess.Popen[str]:
        project.start(SLOW.format(policy="wait"))
        project.until_running("long")
        return project.popen("run", project.queue(SLOW.format(policy=policy), "second.yaml"))

    def test_waits(self, project: Project) -> None:
        second = self.second(project, "wait")
        assert second.stderr is not None
        assert second.stderr.readline().startswith("runner: waiting for run slow-")
        (project.folder / "go").touch()
        assert second.wait(PATIENCE) == 0
        first, last = sorted(project.folder.glob("**/events.jsonl"), key=lambda log: log.stat().st_mtime_ns)
        ended = json.loads(first.read_text().splitlines()[-1])["at"]
        assert ended <= json.loads(last.read_text().splitlines()[0])["at"]

    def test_a_holder_that_is_killed_holds_nobody_up(self, project: Project) -> None:
        first = project.start(SLOW.format(policy="wait"))
        project.until_running("long")
        first.kill()
        first.wait(PATIENCE)
        (project.folder / "go").touch()
        done = project.run("run", project.queue(SLOW.format(policy="reject"), "second.yaml"))
        assert (done.returncode, done.stderr) == (0, "")

    def test_is_given_up_with_control_c(self, project: Project) -> None:
        second = self.second(project, "wait")
        assert second.stderr is not None
        second.stderr.readline()
        second.send_signal(signal.SIGINT)
        assert second.wait(PATIENCE) == 130
        assert list(project.folder.glob(".runner/slow-*/plan.json")) == []

    def test_rejects(self, project: Project) -> None:
        assert self.second(project, "reject").wait(PATIENCE) == 4

    def test_cancels_with_its_cleanup(self, project: Project) -> None:
        second = self.second(project, "cancel")
        until(lambda: project.state().outcome is not None)
        assert project.outcomes() == {"long": "cancelled", "cleanup": "succeeded"}
        (project.folder / "go").touch()
        assert second.wait(PATIENCE) == 0

    def test_a_run_that_goes_on_takes_its_turn(self, project: Project) -> None:
        first = project.start(SLOW.format(policy="wait"))
        project.until_running("long")
        first.send_signal(signal.SIGINT)
        assert first.wait(PATIENCE) == 130
        other = project.popen("run", project.queue(SLOW.format(policy="wait"), "second.yaml"))
        until(lambda: any(project.folder.glob(".runner/slow-*/jobs/long/1/stdout.log")))
        again = project.popen("resume", "run")
        assert again.stderr is not None
        assert again.stderr.readline().startswith("runner: waiting for run slow-")
        assert project.run("resume", "run").returncode == 4  # it has an own lease, too, and that comes first
        (project.folder / "go").touch()
        assert (other.wait(PATIENCE), again.wait(PATIENCE)) == (0, 0)
