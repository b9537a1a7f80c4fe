"""Publishers that are killed, forges that refuse, runs that are large: in the end the same is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner import events as e
from runner.errors import ForgeBusyError, ForgeError, ForgeUnsureError
from runner.forges.github import GitHub, Limits
from runner.forges.github.api import Api
from runner.forges.github.pace import Pace
from runner.forges.github.session import Session
from runner.ports import CodeHost, Status
from runner.publish.allowance import BURST, EACH
from tests.builders import START, Log, job, queue
from tests.forge_worlds import HEAD, MERGE, InFiles, furnish, github, settings
from tests.github_double import BOT, Double, serving
from tests.publish.publishing import TARGET, Playing, clock_at_start, followed
from tests.virtual_time import VirtualTime

pytestmark = pytest.mark.slow

CREATE, EDIT, SET = "issues/create-comment", "issues/update-comment", "repos/create-commit-status"
LIST = "issues/list-comments"


class Killed(BaseException):
    """As kill -9: nothing catches it."""


SOON = dataclasses.replace(TARGET, live_interval=2.0)


def eventful(slower: float = 1.0) -> Log:
    """A retry, a failure, a skipped job, edits of the live comment."""
    made = queue(job("a", retries=1), job("b", "a"), job("c"), job("d", "c"), on_failure="continue")
    log = Log(made).start("a", 0.5).end("a", 1.0, "failed").retrying("a", 1.0, 1.0).start("a", 2.0)
    log.finish("a", 5.0).whole("b", 5.5, 2.5).whole("c", 8.5, 0.5, "failed").skip("d", 9.0, job="c")
    log.over(9.5, "failed")
    log.events = [dataclasses.replace(ev, at=START + slower * (ev.at - START)) for ev in log.events]
    return log


def final_state(forge: CodeHost) -> object:
    statuses = {c: {(s.context, s.state, s.description) for s in forge.statuses(c)} for c in (MERGE, HEAD)}
    return statuses, [(c.minimized, c.body) for c in forge.comments(7) if c.author == BOT]


class Mortal:
    """A forge whose user is killed after so many calls."""

    def __init__(self, forge: CodeHost, calls: int) -> None:
        self.forge, self.left = forge, calls

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.forge, name)
        if name in {"next_write", "close"}:
            return method

        def called(*args: Any, **kwargs: Any) -> Any:
            if not self.left:
                raise Killed
            self.left -= 1
            return method(*args, **kwargs)

        return called


class MortalPace(Pace):
    """The same for each request that goes out."""

    left = 10**9

    def enter(self, *, write: bool) -> None:
        if not self.left:
            raise Killed
        super().enter(write=write)
        self.left -= 1


def in_files(folder: Path, calls: int | None) -> object:
    """What is there after a run whose publisher was killed after so many calls, and another went on."""
    clock = clock_at_start()
    forge = InFiles(folder / "forge", clock).forge
    run = Playing(eventful(), clock, folder / "run", SOON)
    if calls is not None:
        with pytest.raises(Killed):
            followed(run, Mortal(forge, calls))  # type: ignore[arg-type]
    assert followed(run, forge)[0].published
    return final_state(forge)


def calls_in_files(folder: Path) -> int:
    clock = clock_at_start()
    counting = Mortal(InFiles(folder / "forge", clock).forge, 10**9)
    followed(Playing(eventful(), clock, folder / "run", SOON), counting)  # type: ignore[arg-type]
    return 10**9 - counting.left


def test_killed_after_any_call_to_the_embedded_forge(tmp_path: Path) -> None:
    whole = in_files(tmp_path / "whole", None)
    total = calls_in_files(tmp_path / "count")
    assert total > 25
    for calls in range(total):
        assert in_files(tmp_path / str(calls), calls) == whole, f"killed after {calls} calls"


def on_github(folder: Path, calls: int | None) -> tuple[object, int]:
    clock = clock_at_start()
    with serving(furnish(Double(clock))) as double:
        run = Playing(eventful(4.0), clock, folder / "run", SOON)
        if calls is not None:
            pace = MortalPace(clock=clock, sleep=clock.sleep)
            pace.left = calls
            mortal = GitHub(Api(Session(settings(double), pace), "octo/lab"), pace)
            with pytest.raises(Killed):
                followed(run, mortal)
            mortal.close()
            clock.sleep(1.0)  # to start a process takes longer than the pause between two writes
        forge = github(double, clock)
        assert followed(run, forge)[0].published
        total = len(double.calls)
        found = final_state(forge)
        forge.close()
    assert double.violations == []
    assert double.limits.refused == []
    return found, total


def _killed_on_github(folder: Path, step: int) -> None:
    whole, total = on_github(folder / "whole", None)
    assert total > 25
    for calls in range(0, total, step):
        found, _ = on_github(folder / str(calls), calls)
        assert found == whole, f"killed after {calls} calls"


def test_killed_after_some_calls_to_github(tmp_path: Path) -> None:
    _killed_on_github(tmp_path, 6)


@pytest.mark.slow
def test_killed_after_any_call_to_github(tmp_path: Path) -> None:
    _killed_on_github(tmp_path, 1)


def burst(count: int) -> Log:
    """All jobs end within ten seconds; every seventh fails."""
    log = Log(queue(*(job(f"job-{i}") for i in range(count)), on_failure="continue"), max_parallel=count)
    for i in range(count):
        log.start(f"job-{i}", 0.0)
    for i in range(count):
        log.finish(f"job-{i}", 10.0 * i / count, "succeeded" if i % 7 else "failed")
    return log.over(10.0, "failed")


def trouble(double: Double) -> None:
    """Every third call goes wrong, each time in another way."""
    for skip, status, headers in ((0, 403, {"Retry-After": "2"}), (3, 429, {}), (6, 502, {})):
        double.fail(status=status, headers=headers, every=9, skip=skip, times=None)


def states(forge: GitHub) -> dict[str, str]:
    return {status.context.removeprefix("runner/demo/"): status.state for status in forge.statuses(MERGE)}


@pytest.mark.parametrize(
    ("count", "status_jobs"),
    [(60, 60), (500, 40), pytest.param(500, 500, marks=pytest.mark.slow)],
)
def test_many_jobs_end_at_once_while_github_has_trouble(
    double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path, count: int, status_jobs: int
) -> None:
    trouble(double)
    target = dataclasses.replace(TARGET, status_jobs=status_jobs)
    run = Playing(burst(count), clock, tmp_path / "run", target)
    (result,) = followed(run, forge, patience=6 * 3600)
    assert result.published
    double.faults.clear()
    found = states(forge)
    assert found["runner/demo"] == "failure"
    if status_jobs == count:
        assert len(found) == count + 1
        assert {found[f"job-{i}"] for i in range(count) if i % 7} == {"success"}
        assert {found[f"job-{i}"] for i in range(0, count, 7)} == {"failure"}
    assert "pending" not in found.values()
    assert sum("runner:final" in c.body for c in double.world.comments.values()) == 1


@pytest.mark.parametrize("kind", ["chunk", pytest.param("level", marks=pytest.mark.slow)])
def test_ten_thousand_jobs_take_less_than_a_hundred_writes(
    double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path, kind: str
) -> None:
    names = [f"chunk-{i}" if kind == "chunk" else f"{i}x" for i in range(10_000)]
    log = Log(queue(*(job(name) for name in names), on_failure="continue"), max_parallel=100)
    for i, name in enumerate(names):
        log.whole(name, 0.004 * i, outcome="succeeded" if i % 500 else "failed")
    log.over(41.0, "failed").events.sort(key=lambda event: event.at)
    run = Playing(log, clock, tmp_path / "run")
    (result,) = followed(run, forge)
    assert result.published
    assert len(double.named(SET, CREATE, EDIT)) + 1 < 100
    assert "pending" not in states(forge).values()


@pytest.mark.parametrize("count", [1, 10, 40])
def test_calls_are_bounded_by_what_changes(
    double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path, count: int
) -> None:
    """Two changes a job that is seen (running, ended) and what its queue says, there and on the head."""
    log = Log(queue(*(job(f"job-{i}") for i in range(count))), max_parallel=1)
    for i in range(count):
        log.whole(f"job-{i}", 10.0 * i, 9.0)
    run = Playing(log.over(10.0 * count), clock, tmp_path / "run")
    (result,) = followed(run, forge)
    assert result.published
    edits = len(double.named(EDIT))
    assert edits <= 2 + 10.0 * count / 15.0
    assert len(double.calls) - edits <= 16 + 3 * count + 2 * min(count + 2, 12)


@pytest.mark.slow
def test_what_goes_on_leaves_room_for_what_has_ended(
    double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path
) -> None:
    """Jobs are tried again and again for an hour, then all end: that need not wait for the next hour."""
    log = Log(queue(*(job(f"job-{i}", retries=999) for i in range(10))), max_parallel=10)
    for second in range(1, 3600):
        name = f"job-{second % 10}"
        if second > 10:
            log.end(name, second + 0.0, "failed").retrying(name, second + 0.0, 0.1)
        log.start(name, second + 0.1)
    for i in range(10):
        log.finish(f"job-{i}", 3600.5, "failed")
    (result,) = followed(Playing(log.over(3600.5, "failed"), clock, tmp_path / "run"), forge)
    assert result.published
    assert len(double.named(SET, CREATE, EDIT)) > BURST
    assert clock.now() - START < 3600.5 + 30


class TestRefusals:
    def test_an_outage_in_the_middle(
        self, double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path
    ) -> None:
        double.fail(status=502, skip=12, times=30)
        (result,) = followed(Playing(eventful(), clock, tmp_path / "run"), forge)
        assert result.published
        assert states(forge)["runner/demo"] == "failure"

    def test_an_outage_that_does_not_end_is_left_to_others(
        self, double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path
    ) -> None:
        fault = double.fail(status=502, skip=8, times=None)
        said: list[str] = []
        run = Playing(eventful(), clock, tmp_path / "run")
        (result,) = followed(run, forge, notice=said.append)
        assert not result.published
        assert clock.now() - START < 4 * 3600
        assert any("GitHub is in trouble (502)" in text for text in said)
        double.faults.remove(fault)
        assert followed(run, forge)[0].published

    def test_no_more_requests_for_longer_than_we_can_wait(
        self, double: Double, clock: VirtualTime, tmp_path: Path
    ) -> None:
        forge = github(double, clock, patience=60.0)
        double.fail(status=403, headers={"Retry-After": "3000"}, skip=10)
        run = Playing(eventful(), clock, tmp_path / "run")
        said: list[str] = []
        (result,) = followed(run, forge, patience=300.0, notice=said.append)
        assert not result.published
        assert clock.now() - START < 9.5 + 300.0 + 1.0
        assert len(said) == 1
        assert "GitHub takes no more requests before" in said[0]
        clock.sleep(3600)
        assert followed(run, forge)[0].published
        forge.close()

    def test_a_status_that_github_does_not_take(
        self, double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path
    ) -> None:
        """Its commit is gone: what can be told elsewhere is."""
        run = Playing(eventful(), clock, tmp_path / "run", dataclasses.replace(TARGET, head="0" * 40))
        (result,) = followed(run, forge)
        assert not result.published
        assert states(forge)["runner/demo"] == "failure"
        assert clock.now() - START < 9.5 + 600

    def test_a_token_that_may_not_set_statuses(
        self, double: Double, clock: VirtualTime, tmp_path: Path
    ) -> None:
        made = double.token("weak", pull_requests="write", statuses="read")
        assert made.permissions["statuses"] == "read"
        weak = github(double, clock)
        weak.close()
        only = dataclasses.replace(settings(double), token="weak")
        pace = Pace(clock=clock, sleep=clock.sleep, limits=Limits())
        forge = GitHub(Api(Session(only, pace), "octo/lab"), pace)
        said: list[str] = []
        (result,) = followed(Playing(eventful(), clock, tmp_path / "run"), forge, notice=said.append)
        assert not result.published
        assert len(double.named(SET)) == 2, "one for each commit, then never again"
        assert [c.minimized for c in forge.comments(7)] == [True, False]
        forge.close()


class Moody:
    """The embedded forge, of which some calls raise."""

    def __init__(self, forge: CodeHost, method: str, *errors: ForgeError) -> None:
        self.forge, self.method, self.errors = forge, method, list(errors)

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self.forge, name)

        def called(*args: Any, **kwargs: Any) -> Any:
            if name == self.method and self.errors:
                raise self.errors.pop(0)
            return method(*args, **kwargs)

        return called


@pytest.mark.parametrize(
    "method",
    ["statuses", "login", "comments", "set_status", "add_comment", "edit_comment", "minimize_comment"],
)
@pytest.mark.parametrize(
    "error", [ForgeError("no"), ForgeUnsureError("perhaps"), ForgeBusyError("later", until=START + 50.0)]
)
def test_any_call_may_fail_three_times(tmp_path: Path, method: str, error: ForgeError) -> None:
    clock = clock_at_start()
    whole = in_files(tmp_path / "whole", None)
    forge = InFiles(tmp_path / "forge", clock).forge
    run = Playing(eventful(), clock, tmp_path / "run")
    moody = Moody(forge, method, error, error, error)
    assert followed(run, moody)[0].published  # type: ignore[arg-type]
    assert moody.errors == []
    found = final_state(forge)
    assert found[0] == whole[0]  # type: ignore[index]
    assert found[1][-1] == whole[1][-1]  # type: ignore[index]


def test_patience_ends_where_there_is_more_to_write_than_time(
    double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path
) -> None:
    target = dataclasses.replace(TARGET, status_jobs=100)
    run = Playing(burst(100), clock, tmp_path / "run", target)
    (result,) = followed(run, forge, patience=20.0)
    assert not result.published
    assert clock.now() - START < 10.0 + 20.0 + 2.0
    assert states(forge)["runner/demo"] == "failure", "the verdict is not what is left out"


def test_what_goes_on_is_told_sparingly_by_all_runs_together(
    double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path
) -> None:
    runs = []
    for name in "abc":
        log = Log(queue(*(job(f"job-{i}") for i in range(40)), queue_id=name), max_parallel=40)
        for i in range(40):
            log.start(f"job-{i}", 1.0)
        runs.append(Playing(log, clock, tmp_path / name, run_id=f"{name}-20261122T180405-abc123"))
        log.events += [e.Heartbeat(at=START + 10.0 * i) for i in range(1, 30)]
    followed(runs, forge, patience=0.0)
    going_on = [c for c in double.named(SET) if c.body["state"] == "pending"] + double.named(EDIT, CREATE)
    assert BURST < len(going_on) <= BURST + 290 / EACH + 2


def test_a_live_comment_is_tried_for_as_long_as_the_run_lives(tmp_path: Path) -> None:
    clock = clock_at_start()
    errors = [ForgeError("no")] * 9
    moody = Moody(InFiles(tmp_path / "forge", clock).forge, "add_comment", *errors)
    log = Log(queue(job("a"))).whole("a", 0.0, 2000.0).over(2000.0)
    (result,) = followed(Playing(log, clock, tmp_path / "run"), moody)  # type: ignore[arg-type]
    assert result.published
    assert [c.minimized for c in moody.forge.comments(7)] == [True, False]


def test_a_comment_that_cannot_be_folded_is_no_loss(tmp_path: Path) -> None:
    clock = clock_at_start()
    moody = Moody(InFiles(tmp_path / "forge", clock).forge, "minimize_comment", *[ForgeError("no")] * 9)
    said: list[str] = []
    run = Playing(eventful(), clock, tmp_path / "run", SOON)
    (result,) = followed(run, moody, notice=said.append)  # type: ignore[arg-type]
    assert (result.published, said) == (True, ["no"])


class Slow:
    """The embedded forge, which takes its time for each status, and may lose what it answers."""

    def __init__(self, forge: CodeHost, clock: VirtualTime, seconds: float, *, loses: bool = False) -> None:
        self.forge, self.clock, self.seconds, self.loses = forge, clock, seconds, loses
        self.taken: list[Status] = []

    def set_status(self, commit: str, status: Status) -> None:
        self.clock.sleep(self.seconds)
        self.forge.set_status(commit, status)
        self.taken.append(status)
        if self.loses:
            raise ForgeUnsureError("perhaps")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.forge, name)


def test_patience_ends_where_each_write_takes_long(tmp_path: Path) -> None:
    clock = clock_at_start()
    slow = Slow(InFiles(tmp_path / "forge", clock).forge, clock, 5.0)
    run = Playing(eventful(), clock, tmp_path / "run", SOON).all_at_once()
    (result,) = followed(run, slow, patience=20.0)  # type: ignore[arg-type]
    assert not result.published
    assert clock.now() - START < 30.0


def test_a_status_whose_reply_is_lost_is_looked_for_before_it_is_set_again(tmp_path: Path) -> None:
    clock = clock_at_start()
    slow = Slow(InFiles(tmp_path / "forge", clock).forge, clock, 0.0, loses=True)
    run = Playing(eventful(), clock, tmp_path / "run", SOON).all_at_once()
    (result,) = followed(run, slow)  # type: ignore[arg-type]
    assert result.published
    assert sorted(s.context for s in slow.taken) == ["runner/demo"] * 2 + [f"runner/demo/{n}" for n in "abcd"]


def test_nothing_is_asked_before_a_busy_forge_wants_to_be(tmp_path: Path) -> None:
    clock = clock_at_start()
    asked: list[float] = []
    busy = Moody(
        InFiles(tmp_path / "forge", clock).forge,
        "set_status",
        ForgeBusyError("later", until=START + 100.0),
    )
    run = Playing(
        Log(queue(job("a"))).whole("a", 0.0).add(e.Heartbeat(at=START + 2)).over(3.0), clock, tmp_path / "run"
    )
    set_status = busy.forge.set_status
    busy.forge.set_status = lambda *given: (asked.append(clock.now()), set_status(*given))  # type: ignore[method-assign]
    assert followed(run, busy)[0].published  # type: ignore[arg-type]
    assert min(asked) >= START + 100.0
