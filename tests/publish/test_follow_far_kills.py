"""Followers of runs in a bucket that are killed, doubled or overwhelmed: in the end all is told once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runner import events as e
from runner.clock import SystemClock
from runner.errors import StoreError
from runner.events import encode_lines
from runner.plan import to_json
from runner.ports import CodeHost
from runner.publish.asking import in_background
from runner.publish.follow import follow
from runner.publish.watched import Watched
from runner.runs.in_bucket import BucketSource
from runner.stores.s3 import Bucket, Location, Writer
from tests.aws import Aws
from tests.builders import RUN_ID, START, Log, job, plan, queue
from tests.forge_worlds import HEAD, MERGE, InFiles, github
from tests.github_double import BOT, Double
from tests.publish.far_runs import Far, follow_far
from tests.publish.publishing import TARGET, clock_at_start
from tests.virtual_time import VirtualTime

pytestmark = pytest.mark.slow

SOON = dataclasses.replace(TARGET, live_interval=2.0)
CALLS = frozenset({"statuses", "comments", "set_status", "add_comment", "edit_comment", "minimize_comment"})


class Killed(BaseException):
    """As kill -9: nothing catches it."""


class Moments:
    """What else happens before each call of one follower."""

    def __init__(self, before: Callable[[int], None] = lambda _: None) -> None:
        self.before = before
        self.calls: list[tuple[Any, ...]] = []

    def of(self, thing: Any, names: frozenset[str]) -> Any:
        return Seen(thing, names, self)

    def forge(self, forge: CodeHost) -> Any:
        return self.of(forge, CALLS)

    def bucket(self, bucket: Any) -> Any:
        return self.of(bucket, frozenset({"get", "replace"}))

    def posts(self, kind: str) -> int:
        return sum(name == "add_comment" and f"runner:{kind}" in words[1] for name, *words in self.calls)


class Seen:
    """Something whose calls are such moments."""

    def __init__(self, thing: Any, names: frozenset[str], moments: Moments) -> None:
        self.thing, self.names, self.moments = thing, names, moments

    def __getattr__(self, name: str) -> Any:
        method, moments = getattr(self.thing, name), self.moments
        if name not in self.names:
            return method

        def called(*args: Any) -> Any:
            moments.calls.append((name, *args))
            moments.before(len(moments.calls) - 1)
            return method(*args)

        return called


def eventful() -> Log:
    """A machine that boots, a retry, another machine that goes on, a failure, a skipped job."""
    made = queue(job("a", retries=1), job("b", "a"), job("c"), job("d", "c"), on_failure="continue")
    log = Log(made).start("a", 0.5).end("a", 1.0, "failed").retrying("a", 1.0, 1.0).start("a", 2.0)
    log.end("a", 4.0, "lost", interrupted=True, exit_code=None)
    log.add(e.RunInterrupted(at=START + 4.0, reason="EC2 takes the machine back"))
    log.add(e.InstanceLost(at=START + 40.0, instance_id="i-1", reason="EC2 took it back"))
    log.add(e.InstanceLaunched(at=START + 40.0, instance_id="i-2"))
    log.add(e.RunResumed(at=START + 40.0, max_parallel=4))
    log.add(e.JobRetrying(at=START + 40.0, job_id="a", attempt=2, delay=0.0, free=True))
    log.events.insert(1, e.InstanceLaunched(at=START, instance_id="i-1"))
    log.start("a", 41.0).finish("a", 45.0).whole("b", 45.5, 2.5).whole("c", 48.5, 0.5, "failed")
    log.skip("d", 49.0, job="c").over(49.5, "failed")
    log.events = [dataclasses.replace(event, at=event.at + 30.0) for event in log.events]
    return log


def far(clock: VirtualTime) -> Far:
    run = Far(eventful(), clock, SOON)
    run.waits = lambda: "i-2 is booting" if START + 34 < clock.now() < START + 70 else ""
    return run


def shown(forge: CodeHost) -> object:
    statuses = {c: {(s.context, s.state, s.description) for s in forge.statuses(c)} for c in (MERGE, HEAD)}
    return statuses, [c.body for c in forge.comments(7) if c.author == BOT and "runner:final" in c.body]


def kinds(forge: CodeHost) -> list[str]:
    return [c.body.split()[1].removeprefix("runner:") for c in forge.comments(7) if not c.minimized]


def told(folder: Path, at: int | None) -> tuple[object, int]:
    """What is there after a follower that was killed before one call, which is after the one before it."""
    clock = clock_at_start()
    forge = InFiles(folder / "forge", clock).forge
    run = far(clock)

    def kill(number: int) -> None:
        if number == at:
            raise Killed

    mortal, second = Moments(kill), Moments()
    if at is None:
        follow_far(run, mortal.forge(forge), seen=mortal.bucket)
    else:
        with pytest.raises(Killed):
            follow_far(run, mortal.forge(forge), seen=mortal.bucket)
        clock.sleep(3.0)
        assert follow_far(run, second.forge(forge))[0].published
        unborn = mortal.calls.pop()
        assert mortal.posts("final") + second.posts("final") == 1, f"killed before {unborn}"
        assert mortal.posts("live") + second.posts("live") <= 1, f"killed before {unborn}"
    assert kinds(forge) == ["final"]
    return shown(forge), len(mortal.calls)


def test_killed_between_any_two_calls(tmp_path: Path) -> None:
    """Also between its claim and what that is for: another takes it over."""
    whole, total = told(tmp_path / "whole", None)
    assert total > 40
    for at in range(total):
        assert told(tmp_path / str(at), at)[0] == whole, f"killed before call {at}"


def test_two_at_once_whenever_the_second_begins(tmp_path: Path) -> None:
    """Each call of the first is held up for a minute in which the second follows the run."""
    whole, total = told(tmp_path / "whole", None)
    for at in range(total):
        clock = clock_at_start()
        forge = InFiles(tmp_path / str(at) / "forge", clock).forge
        run, second = far(clock), Moments()

        def meanwhile(number: int, *, at: int, run: Far, second: Moments, forge: CodeHost) -> None:
            if number == at:
                follow_far(run, second.forge(forge), until=run.clock.now() + 60.0)

        first = Moments(partial(meanwhile, at=at, run=run, second=second, forge=forge))
        assert follow_far(run, first.forge(forge), seen=first.bucket)[0].published
        assert follow_far(run, second.forge(forge))[0].published
        assert kinds(forge) == ["final"], f"two followers from call {at}"
        assert shown(forge)[0] == whole[0], f"two followers from call {at}"  # type: ignore[index]
        for kind in ("live", "final"):
            assert first.posts(kind) + second.posts(kind) == 1, f"{kind} from call {at}"


def test_a_claim_that_cannot_be_written_stands_in_nobodys_way(tmp_path: Path) -> None:
    clock, said = clock_at_start(), []
    run, forge = far(clock), InFiles(tmp_path / "forge", clock).forge

    def denied(what: str, name: str) -> None:
        if name.startswith("said/"):
            raise StoreError("cannot write said/7-final.json: s3:PutObject is denied")

    run.bucket.before.append(denied)
    assert follow_far(run, forge, notice=said.append)[0].published
    assert kinds(forge) == ["final"]
    assert set(said) == {"cannot write said/7-final.json: s3:PutObject is denied"}


def test_handed_over_again_and_again(tmp_path: Path) -> None:
    whole, _ = told(tmp_path / "whole", None)
    clock = clock_at_start()
    forge, each = InFiles(tmp_path / "forge", clock).forge, Moments()
    run = far(clock)
    for _ in range(100):
        (found,) = follow_far(run, each.forge(forge), until=clock.now() + 5.0)
        if found.published:
            break
        assert found.handed_over
    assert found.published
    assert shown(forge) == whole
    assert kinds(forge) == ["final"]
    assert (each.posts("live"), each.posts("final")) == (1, 1)


def test_a_log_that_grows_by_ten_thousand_jobs(double: Double, clock: VirtualTime) -> None:
    names = [f"chunk-{i}" for i in range(10_000)]
    log = Log(queue(*(job(name) for name in names), on_failure="continue"), max_parallel=100)
    for i, name in enumerate(names):
        log.whole(name, 0.012 * i, outcome="succeeded" if i % 500 else "failed")
    log.over(122.0, "failed").events.sort(key=lambda event: event.at)
    run, forge = Far(log, clock), github(double, clock)
    (result,) = follow_far(run, forge)
    forge.close()
    assert result.published
    assert result.state is not None
    assert len(result.state.jobs) == 10_000
    writes = double.named("issues/create-comment", "issues/update-comment", "repos/create-commit-status")
    assert len(writes) + 1 < 100


def test_five_hundred_statuses_of_a_run_in_a_bucket(double: Double, clock: VirtualTime) -> None:
    log = Log(queue(*(job(f"job-{i}") for i in range(500))), max_parallel=50)
    for i in range(500):
        log.whole(f"job-{i}", 0.1 * i, 3.0)
    log.over(60.0).events.sort(key=lambda event: event.at)
    run, forge = Far(log, clock, dataclasses.replace(TARGET, status_jobs=500)), github(double, clock)
    (result,) = follow_far(run, forge, patience=6 * 3600.0)
    found = {status.context: status.state for status in forge.statuses(MERGE)}
    forge.close()
    assert result.published
    assert len(found) == 501
    assert set(found.values()) == {"success"}


class TestEmulator:
    """Real requests, real threads, real time."""

    def run(self, aws: Aws) -> tuple[Bucket, Log]:
        bucket = aws.at(f"follow/runs/{RUN_ID}")
        log = Log(queue(job("a"), job("b", "a"))).whole("a", 0.1).whole("b", 1.5).over(3.0)
        bucket.create("plan.json", to_json(plan(log.queue)))
        return bucket, log

    def test_a_run_that_grows_is_followed_to_its_end(self, aws: Aws, tmp_path: Path) -> None:
        bucket, log = self.run(aws)
        clock = SystemClock()
        forge = InFiles(tmp_path / "forge", clock).forge  # type: ignore[arg-type]
        writer = Writer(bucket, generation=1000, name="i-1")
        writer.fence()
        bucket.put("jobs/a/1/stderr.log", b"said\n")
        written = 0

        def grow(_watched: object, _state: object) -> None:
            nonlocal written
            if written < len(log.events):
                part = log.events[written : written + 3]
                writer.write(encode_lines(part, RUN_ID, written + 1))
                written += len(part)

        def lives() -> bool:
            return written < len(log.events)

        watched = Watched(where=BucketSource(bucket), target=TARGET, alive=lives)
        (result,) = follow(
            [watched], forge, clock=clock, on_poll=grow, ask=in_background, until=clock.now() + 60
        )
        assert (result.outcome, result.published) == ("succeeded", True)
        assert kinds(forge) == ["final"]

    def test_a_bucket_that_is_not_there(self, tmp_path: Path, aws: Aws) -> None:
        bucket = Bucket(aws.at("x").client, Location(bucket=f"{aws.bucket}-not", prefix=f"runs/{RUN_ID}"))
        clock, said = SystemClock(), []
        forge = InFiles(tmp_path / "forge", clock).forge  # type: ignore[arg-type]
        watched = Watched(where=BucketSource(bucket), target=TARGET, alive=lambda: True)
        (result,) = follow([watched], forge, clock=clock, patience=3.0, notice=said.append)
        assert not result.published
        assert len(said) == 1
        assert "bucket" in said[0]
