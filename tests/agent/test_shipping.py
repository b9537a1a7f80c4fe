"""The thread that keeps a run up to date elsewhere: order, patience, ends."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner import events as e
from runner.agent.lines import Files
from runner.agent.shipping import Shipper
from runner.errors import FencedError, RunnerError, StoreBusyError, StoreError
from runner.stores.directory import REQUESTS
from tests.agent.outlets import LocalRun, MemoryOutlet
from tests.builders import START
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.slow

STARTED = e.AttemptStarted(at=START, job_id="a", attempt=1, handle="r/a/1")
FINISHED = e.AttemptFinished(at=START, job_id="a", attempt=1, outcome="succeeded", summary=True)
STORED = e.ResultsStored(at=START, job_id="a", attempt=1, files=2)
DONE = e.JobFinished(at=START, job_id="a", outcome="succeeded")


class Scene:
    def __init__(self, directory: Path) -> None:
        self.run = LocalRun(directory)
        self.outlet = MemoryOutlet()
        self.ended: list[RunnerError] = []
        self.notices: list[str] = []
        self.now = 0.0
        self.shippers: list[Shipper] = []

    def start(
        self,
        offset: int = 0,
        pace: float = 0.05,
        *,
        own_clock: bool = False,
        most: int = 5_000,
        at_end: Callable[[], Files] = lambda: iter(()),
    ) -> Shipper:
        more = {"clock": lambda: self.now} if own_clock else {}
        made = Shipper(
            self.run.directory,
            self.outlet,
            offset=offset,
            on_end=self.ended.append,
            notice=self.notices.append,
            pace=pace,
            most=most,
            at_end=at_end,
            **more,
        )
        made.start()
        self.shippers.append(made)
        return made

    def results(self, *paths: str) -> None:
        folder = "jobs/a/1/results"
        entries = [{"path": path, "size": 1, "sha256": hashlib.sha256(b"x").hexdigest()} for path in paths]
        for path in paths:
            if ".." not in path:
                self.run.file(f"{folder}/{path}", b"x")
        self.run.file(f"{folder}/manifest.json", json.dumps({"files": entries}).encode())


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path / "run")
    yield made
    for shipper in made.shippers:
        shipper.close(0.0)


def test_a_line_is_told_after_what_it_speaks_of(scene: Scene) -> None:
    scene.run.file("jobs/a/1/stdout.log", b"hello\n")
    scene.run.file("jobs/a/1/stderr.log", b"")
    scene.run.file("jobs/a/1/summary.md", b"# s")
    scene.results("one.txt", "deep/two.txt", "../../../plan.json")
    scene.run.append(STARTED, FINISHED, STORED, DONE)
    assert scene.start().close(PATIENCE)
    order = scene.outlet.order
    assert scene.outlet.log == scene.run.log()
    at = {name: order.index(name) for name in order}
    assert at["a/1/stdout.log"] < at["attempt_finished"]
    assert at["a/1/summary.md"] < at["attempt_finished"] < at["results_stored"] < at["job_finished"]
    assert max(at["a/1/results/one.txt"], at["a/1/results/deep/two.txt"]) < at["a/1/results/manifest.json"]
    assert at["a/1/results/manifest.json"] < at["results_stored"]
    assert set(scene.outlet.files) == {
        "jobs/a/1/stdout.log",
        "jobs/a/1/summary.md",
        "jobs/a/1/results/one.txt",
        "jobs/a/1/results/deep/two.txt",
        "jobs/a/1/results/manifest.json",
    }


def test_it_follows_within_the_pace_and_begins_where_it_is_told(scene: Scene) -> None:
    first = scene.run.append(e.Heartbeat(at=START))
    scene.start(offset=len(first))
    second = scene.run.append(e.Heartbeat(at=START + 1))
    until(lambda: scene.outlet.log == second)
    assert scene.outlet.order == ["heartbeat"]


def test_a_torn_line_waits(scene: Scene) -> None:
    line = scene.run.append(STARTED)
    log = scene.run.directory / "events.jsonl"
    log.write_bytes(line + line[:20])
    shipper = scene.start()
    until(lambda: scene.outlet.log == line)
    log.write_bytes(line + line)
    assert shipper.close(PATIENCE)
    assert scene.outlet.log == line + line


def test_many_lines_are_few_segments(scene: Scene) -> None:
    scene.start(pace=2.0, own_clock=True)
    scene.run.append(STARTED)
    until(lambda: scene.outlet.segments == 1)
    for _ in range(20):
        scene.run.append(e.Heartbeat(at=START))
    scene.now = 1.9
    looks = scene.outlet.looks
    until(lambda: scene.outlet.looks >= looks + 3)
    assert scene.outlet.segments == 1
    scene.now = 2.1
    until(lambda: scene.outlet.log == scene.run.log())
    assert scene.outlet.segments == 2
    scene.now = 74.0
    looks = scene.outlet.looks
    until(lambda: scene.outlet.looks >= looks + 3)
    assert scene.outlet.order.count("beat") == 0, "nothing to say is not said"


def test_what_the_bucket_refuses_for_a_while_is_not_lost(scene: Scene) -> None:
    calls = iter(range(10_000))
    errors = (StoreBusyError("SlowDown"), StoreError("the AWS credentials have expired"))

    def every_third_succeeds(what: str, _name: str) -> RunnerError | None:
        number = next(calls)
        return None if number % 3 == 2 or what == "requests" else errors[number % 2]

    scene.outlet.trouble = every_third_succeeds
    scene.run.file("jobs/a/1/stdout.log", b"hello\n")
    scene.results("one.txt")
    shipper = scene.start(pace=0.01)
    scene.run.append(STARTED, FINISHED)
    until(lambda: scene.outlet.log.count(b"\n") == 2)
    scene.run.append(STORED, DONE)
    assert shipper.close(PATIENCE)
    assert scene.outlet.log == scene.run.log()
    assert "the AWS credentials have expired" in scene.notices
    assert scene.ended == []


def test_a_newer_generation_ends_it(scene: Scene) -> None:
    scene.outlet.trouble = lambda what, _name: FencedError("generation 5 writes") if what == "write" else None
    shipper = scene.start()
    scene.run.append(STARTED)
    until(lambda: scene.ended)
    assert isinstance(scene.ended[0], FencedError)
    assert not shipper.close(PATIENCE)
    assert scene.outlet.log == b""


def test_time_that_is_up_leaves_the_rest_here(scene: Scene) -> None:
    scene.outlet.trouble = lambda _what, _name: StoreBusyError("no answer")
    scene.run.append(STARTED)
    assert not scene.start().close(0.3)


def test_a_line_that_waits_for_its_files_does_not_look_dead(scene: Scene) -> None:
    scene.outlet.trouble = lambda what, _name: StoreBusyError("slow") if what == "put" else None
    scene.run.file("jobs/a/1/stdout.log", b"hello\n")
    scene.run.append(STARTED, FINISHED)
    scene.start(own_clock=True)
    until(lambda: scene.outlet.order == ["attempt_started"])
    scene.now = 76.0
    until(lambda: scene.outlet.order == ["attempt_started", "beat"])


def test_what_takes_long_to_pack_is_no_silence(scene: Scene, tmp_path: Path) -> None:
    """Of a large state directory: whoever says nothing for three minutes is taken for dead."""
    packed = threading.Event()

    def at_end() -> Files:
        assert packed.wait(30)
        (tmp_path / "packed").write_bytes(b"state")
        yield "state/1.tar.gz", tmp_path / "packed"

    scene.run.append(STARTED, e.RunFinished(at=START, outcome="succeeded"))
    shipper = scene.start(own_clock=True, at_end=at_end)
    until(lambda: scene.outlet.order == ["attempt_started"])
    scene.now = 76.0
    until(lambda: scene.outlet.order == ["attempt_started", "beat"])
    packed.set()
    assert shipper.close(PATIENCE)
    assert scene.outlet.order[2:] == ["state/1.tar.gz", "run_finished"]


def test_the_ends_of_logs_that_grow_are_sent(scene: Scene) -> None:
    scene.start(own_clock=True)
    scene.run.file("jobs/a/1/stdout.log", b"one\n")
    scene.run.append(STARTED)
    # A look that comes before it is read would be the last for five seconds.
    until(lambda: scene.outlet.log == scene.run.log())
    scene.now = 6.0
    until(lambda: scene.outlet.tails == {"jobs/a/1/stdout.log": b"one\n"})
    scene.run.file("jobs/a/1/stdout.log", b"one\ntwo\n")
    scene.now = 12.0
    until(lambda: scene.outlet.tails == {"jobs/a/1/stdout.log": b"one\ntwo\n"})


def test_what_a_job_put_in_the_place_of_its_log_is_not_kept(scene: Scene) -> None:
    folder = scene.run.directory / "jobs/a/1"
    folder.mkdir(parents=True)
    (folder / "stdout.log").symlink_to("/etc/hostname")
    os.mkfifo(folder / "stderr.log")
    scene.run.append(STARTED, FINISHED)
    assert scene.start().close(PATIENCE)
    assert scene.outlet.files == {}
    assert scene.outlet.log == scene.run.log()


class TestRequests:
    def test_one_becomes_local_and_is_asked_no_more_before_the_log_has_it(self, scene: Scene) -> None:
        scene.outlet.asked = [{"type": "cancel", "job_ids": [], "by": "sam", "request": "17-ab"}]
        scene.start(own_clock=True)
        local = scene.run.directory / REQUESTS / "17-ab.json"
        until(local.exists)
        assert json.loads(local.read_bytes())["by"] == "sam"
        scene.outlet.asked = [{"type": "cancel", "job_ids": [], "by": "kim", "request": "18-ab"}]
        scene.run.append(STARTED)
        until(lambda: scene.outlet.log == scene.run.log())
        assert len(scene.outlet.asked) == 1
        scene.now = 3.0
        scene.run.append(e.CancelRequested(at=START, by="sam", request="17-ab"))
        until((scene.run.directory / REQUESTS / "18-ab.json").exists)

    def test_one_is_not_given_up_before_somebody_can_take_it(self, scene: Scene) -> None:
        """A large checkout takes minutes: should its machine be lost meanwhile, the next one reads it."""
        scene.outlet.asked = [{"type": "cancel", "request": "17-ab"}]
        scene.start(own_clock=True)
        until((scene.run.directory / REQUESTS / "17-ab.json").exists)
        scene.outlet.asked = [{"type": "cancel", "request": "18-ab"}]
        scene.now = 300.0
        scene.run.append(e.BootPhase(at=START, name="checkout", text="it is there"))
        until(lambda: scene.outlet.log == scene.run.log())
        assert len(scene.outlet.asked) == 1
        scene.run.append(e.RunStarted(at=START, queue_id="demo", digest="", checkout="/c", max_parallel=1))

        def is_taken() -> bool:
            scene.now += 31.0
            return (scene.run.directory / REQUESTS / "18-ab.json").exists()

        until(is_taken)

    def test_a_name_that_leads_elsewhere_is_none(self, scene: Scene) -> None:
        scene.outlet.asked = [
            {"type": "cancel", "request": "../../x"},
            {"type": "cancel", "request": "19-ok"},
        ]
        scene.start()
        until((scene.run.directory / REQUESTS / "19-ok.json").exists)
        assert [path.name for path in (scene.run.directory / REQUESTS).iterdir()] == ["19-ok.json"]


def test_no_more_lines_are_held_than_there_is_room_for(scene: Scene) -> None:
    for number in range(70):
        scene.run.file(f"jobs/j{number}/1/stdout.log", b"x")
        scene.run.append(
            e.AttemptFinished(at=START, job_id=f"j{number}", attempt=1, outcome="failed", exit_code=1)
        )
    scene.outlet.trouble = lambda what, _name: StoreBusyError("slow") if what == "put" else None
    shipper = scene.start(pace=0.01, most=10)
    until(lambda: scene.outlet.looks > 3)
    assert shipper.waiting == 70  # one piece of the log is read whole
    more = scene.run.append(*[e.Heartbeat(at=START)] * 10)
    until(lambda: scene.outlet.looks > 6)
    assert shipper.waiting == 70
    scene.outlet.trouble = lambda _what, _name: None
    assert shipper.close(PATIENCE)
    assert scene.outlet.log.endswith(more)
    assert len(scene.outlet.files) == 70
    assert scene.outlet.log == scene.run.log()
