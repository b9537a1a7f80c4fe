"""A run becomes statuses and comments, whatever happens to the publisher, to the forge or beside them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from runner import events as e
from runner.forges.github import GitHub
from runner.ports import CodeHost
from runner.publish.follow import POLL
from runner.publish.publisher import Publisher
from runner.publish.settle import settle
from runner.publish.watched import Followed
from runner.report.evidence import Evidence
from runner.stores.directory import DirectoryStore
from tests.builders import RUN_ID, START, Log, failed_log, job, queue
from tests.forge_worlds import HEAD, MERGE, ForgeWorld, InFiles, furnish, github
from tests.github_double import BOT, Comment, Double, serving
from tests.publish.publishing import TARGET, Playing, followed
from tests.virtual_time import VirtualTime

CREATE, EDIT, SET = "issues/create-comment", "issues/update-comment", "repos/create-commit-status"
LIST = "issues/list-comments"


@pytest.fixture
def failed(clock: VirtualTime, tmp_path: Path) -> Playing:
    return Playing(failed_log(), clock, tmp_path / "run")


def play(log: Log, clock: VirtualTime, folder: Path, **fields: object) -> Playing:
    return Playing(log, clock, folder / "run", **fields)


def shown(world: ForgeWorld) -> dict[str, dict[str, str]]:
    """The newest statuses, in words."""
    return {
        commit: {s.context: f"{s.state}: {s.description}" for s in world.forge.statuses(commit)}
        for commit in (MERGE, HEAD)
    }


def ours(double: Double) -> list[tuple[str, bool, str]]:
    """Our comments: kind, whether minimized, text."""
    found = [c for c in double.world.comments.values() if c.author.login == BOT]
    return [(c.body.split()[1].removeprefix("runner:"), bool(c.minimized), c.body) for c in found]


def kinds(double: Double) -> list[tuple[str, bool]]:
    return [(kind, minimized) for kind, minimized, _ in ours(double)]


VERDICT = "failure: Failed after 8.5s: 2 succeeded, 2 failed, 3 skipped"


def test_a_whole_run_on_each_forge(world: ForgeWorld, clock: VirtualTime, tmp_path: Path) -> None:
    (result,) = followed(play(failed_log(), clock, tmp_path), world.forge)
    assert (result.run_id, result.outcome, result.published) == (RUN_ID, "failed", True)
    statuses = shown(world)
    assert statuses[HEAD] == {"runner/demo": VERDICT}
    assert statuses[MERGE] == {
        "runner/demo": VERDICT,
        "runner/demo/prepare": "success: Succeeded in 2s",
        "runner/demo/build": "failure: Failed: killed by SIGSEGV (attempt 2)",
        "runner/demo/lint": "failure: Failed: exit code 4, which is allowed",
        "runner/demo/docs": "success: Skipped: its condition is false: params.docs",
        "runner/demo/test": "error: Skipped: because of build",
        "runner/demo/publish": "error: Skipped: because of test",
        "runner/demo/cleanup": "success: Succeeded in 500ms",
    }
    live, final = world.forge.comments(7)
    assert live.body.startswith("<!-- runner:live ")
    assert live.minimized
    assert "7 of 7 jobs done" in live.body
    assert final.body.startswith("<!-- runner:final ")
    assert not final.minimized
    assert "## ❌ `A demonstration` failed" in final.body


def test_everything_that_is_there_is_not_written_again(
    double: Double, forge: GitHub, failed: Playing, clock: VirtualTime
) -> None:
    followed(failed, forge)
    before = len(double.calls)
    clock.sleep(7 * 3600)
    (again,) = followed(failed, forge)
    assert again.published
    assert [call.method for call in double.calls[before:] if call.operation != "graphql"] == ["GET"] * 3


class TestManyComments:
    def test_ours_are_found_among_130_of_others(
        self, world: ForgeWorld, clock: VirtualTime, tmp_path: Path
    ) -> None:
        for number in range(65):
            world.say("ann", f"{number}")
        log = Log(queue(job("one"))).start("one", 0.0).add(e.Heartbeat(at=START + 30.0))
        run = play(log, clock, tmp_path)
        followed(run, world.forge)
        for number in range(65):
            world.say("eve", f"{number}")
        log.add(e.RunResumed(at=START + 60.0, max_parallel=4))
        log.finish("one", 61.0).over(61.0)
        followed(run, world.forge)
        found = [(c.minimized, "succeeded" in c.body) for c in world.forge.comments(7) if c.author == BOT]
        assert found == [(True, True), (False, True)]

    def test_anybody_can_write_our_markers(
        self, double: Double, forge: GitHub, failed: Playing, clock: VirtualTime, tmp_path: Path
    ) -> None:
        elsewhere = VirtualTime(clock.now())
        with serving(furnish(Double(elsewhere))) as other:
            made = github(other, elsewhere)
            followed(play(failed_log(), elsewhere, tmp_path / "other"), made)
            made.close()
        eve = double.world.account("eve")
        for number, (_, _, body) in enumerate(ours(other), 1):
            newest = body.replace('"generation":1', '"generation":9')
            double.world.comments[number] = Comment(number, 7, eve, newest, clock.now(), clock.now())
        followed(failed, forge)
        assert kinds(double) == [("live", True), ("final", False)]
        assert [c.body.count("18:04") for c in double.world.comments.values()][:2] == [
            body.count("18:04") for _, _, body in ours(other)
        ]

    def test_two_at_once_leave_one_of_each_kind(
        self, double: Double, failed: Playing, clock: VirtualTime, tmp_path: Path
    ) -> None:
        """Their steps alternate, so that both look before either has posted."""
        twins = [Twin(failed.all_at_once(), github(double, clock)) for _ in range(2)]
        double.limits.apart = 0.0  # the budget of one process knows nothing of the other's
        while sum(twin.step() for twin in twins):
            clock.sleep(2.0)
        assert [kind for kind in kinds(double) if not kind[1]] == [("final", False)]
        assert len(double.named(CREATE)) == 2, "they did not race"

    def test_what_another_posted_since_we_looked_is_found_before_we_post(
        self, double: Double, failed: Playing, clock: VirtualTime
    ) -> None:
        double.limits.apart = 0.0  # as above
        slow, quick = [Twin(failed.all_at_once(), github(double, clock)) for _ in range(2)]
        assert slow.step()
        while quick.step():
            clock.sleep(2.0)
        while slow.step():
            clock.sleep(2.0)
        assert kinds(double) == [("final", False)]

    def test_a_list_that_lags_behind_what_was_posted(
        self, failed: Playing, clock: VirtualTime, tmp_path: Path
    ) -> None:
        forge = Lagging(InFiles(tmp_path / "forge", clock).forge, clock)
        (result,) = followed(failed, forge)  # type: ignore[arg-type]
        assert result.published
        assert [c.body.split()[1] for c in forge.forge.comments(7)] == ["runner:live", "runner:final"]

    def test_a_duplicate_from_a_race_is_folded_and_the_oldest_kept(
        self, double: Double, forge: GitHub, failed: Playing, clock: VirtualTime
    ) -> None:
        followed(failed, forge)
        final = next(body for kind, _, body in ours(double) if kind == "final")
        bot = double.world.account(BOT)
        twin = double.world.new_id()
        double.world.comments[twin] = Comment(twin, 7, bot, final, clock.now(), clock.now())
        followed(failed, forge)
        assert kinds(double) == [("live", True), ("final", False), ("final", True)]


class Lagging:
    """A forge that lists a comment only seconds after it was posted."""

    def __init__(self, forge: CodeHost, clock: VirtualTime) -> None:
        self.forge, self.clock = forge, clock

    def comments(self, pull: int) -> list[object]:
        return [c for c in self.forge.comments(pull) if c.at < self.clock.now() - 3.0]

    def __getattr__(self, name: str) -> object:
        return getattr(self.forge, name)


class Twin:
    """One of two publishers of the same run, a step at a time."""

    def __init__(self, run: Playing, forge: GitHub) -> None:
        self.run, self.forge = run, forge
        self.publisher = Publisher(forge, TARGET, clock=run.clock)

    def step(self) -> bool:
        plan, state = self.run.read()
        stepped = self.publisher.step(plan, state, evidence=Evidence, now=self.run.clock.now())
        if not stepped:
            self.forge.close()
        return stepped


class TestWhatComesLater:
    def test_the_same_run_hours_later_by_reconcile(
        self, double: Double, forge: GitHub, failed: Playing, clock: VirtualTime
    ) -> None:
        failed.all_at_once()
        clock.sleep(5 * 3600)
        publisher = Publisher(forge, TARGET, clock=clock)
        assert settle(publisher, failed.directory, clock=clock, sleep=clock.sleep)
        assert kinds(double) == [("final", False)]
        assert "pending" not in {call.body["state"] for call in double.named(SET)}
        writes = len(double.named(SET, CREATE, EDIT))
        assert settle(Publisher(forge, TARGET, clock=clock), failed.directory, clock=clock, sleep=clock.sleep)
        assert len(double.named(SET, CREATE, EDIT)) == writes

    def test_reconcile_tells_of_a_run_that_died(
        self, world: ForgeWorld, clock: VirtualTime, tmp_path: Path
    ) -> None:
        run = play(failed_log(), clock, tmp_path, dies_after=9).all_at_once()
        publisher = Publisher(world.forge, TARGET, clock=clock)
        assert settle(publisher, run.directory, clock=clock, sleep=clock.sleep)
        assert shown(world)[HEAD]["runner/demo"].startswith("error: Interrupted, can be resumed")

    def test_reconcile_leaves_a_run_alone_that_goes_on(
        self, world: ForgeWorld, clock: VirtualTime, tmp_path: Path
    ) -> None:
        run = play(failed_log(), clock, tmp_path, dies_after=9).all_at_once()
        store = DirectoryStore(run.directory, RUN_ID)
        store.lease({"pid": 1})
        publisher = Publisher(world.forge, TARGET, clock=clock)
        assert settle(publisher, run.directory, clock=clock, sleep=clock.sleep)
        store.close()
        assert shown(world)[HEAD]["runner/demo"].startswith("pending: Running")
        (live,) = world.forge.comments(7)
        assert not live.minimized

    def test_reconcile_gives_up_in_time(
        self, double: Double, forge: GitHub, failed: Playing, clock: VirtualTime
    ) -> None:
        failed.all_at_once()
        double.fail(status=502, operation=SET, times=None)
        began = clock.now()
        publisher = Publisher(forge, TARGET, clock=clock)
        assert not settle(publisher, failed.directory, clock=clock, sleep=clock.sleep, patience=100.0)
        assert clock.now() - began < 200.0, "one try of the session's more than our patience"

    def test_an_older_log_after_a_newer_one_changes_nothing(
        self, world: ForgeWorld, failed: Playing, clock: VirtualTime, tmp_path: Path
    ) -> None:
        followed(failed, world.forge)
        newest, texts = shown(world), [c.body for c in world.forge.comments(7)]
        stale = Playing(failed_log(), clock, tmp_path / "stale", dies_after=9)
        (result,) = followed(stale, world.forge)
        assert result.published
        assert (shown(world), [c.body for c in world.forge.comments(7)]) == (newest, texts)

    def test_a_second_run_of_the_queue_has_comments_of_its_own(
        self, double: Double, forge: GitHub, failed: Playing, clock: VirtualTime, tmp_path: Path
    ) -> None:
        followed(failed, forge)
        clock.sleep(600)
        again = Playing(
            later(failed_log(), clock.now() - START), clock, tmp_path / "again", run_id=f"{RUN_ID[:-1]}9"
        )
        (result,) = followed(again, forge)
        assert result.published
        assert kinds(double) == [("live", True), ("final", False), ("live", True), ("final", False)]
        assert len({body.split("\n")[0] for _, _, body in ours(double)}) == 4

    def test_the_older_of_two_runs_takes_nothing_from_the_newer(
        self, world: ForgeWorld, failed: Playing, clock: VirtualTime, tmp_path: Path
    ) -> None:
        clock.sleep(600)
        good = later(Log(queue(job("prepare"))).whole("prepare", 0.0).over(1.0), 600.0)
        followed(Playing(good, clock, tmp_path / "newer", run_id=f"{RUN_ID[:-1]}9"), world.forge)
        before = shown(world)
        followed(failed, world.forge)
        assert shown(world) == before
        bodies = [c.body for c in world.forge.comments(7) if "runner:final" in c.body]
        assert len(bodies) == 2, "each run has its final comment all the same"

    def test_a_run_that_is_tried_again_edits_its_final_comment(
        self, double: Double, forge: GitHub, failed: Playing, clock: VirtualTime
    ) -> None:
        followed(failed, forge)
        log = failed.log
        log.add(e.JobsReset(at=START + 100, job_ids=("build", "test", "publish")))
        log.add(e.RunResumed(at=START + 100, max_parallel=4))
        for number, name in enumerate(("build", "test", "publish")):
            log.whole(name, 101.0 + number)
        log.over(104.0)
        (result,) = followed(failed, forge)
        assert (result.outcome, result.published) == ("succeeded", True)
        assert kinds(double) == [("live", True), ("final", False), ("live", True)]
        assert "## ✅" in ours(double)[1][2]
        newest = {s.context: s.state for s in forge.statuses(MERGE)}
        assert (newest["runner/demo"], newest["runner/demo/build"]) == ("success", "success")


def later(log: Log, seconds: float) -> Log:
    log.events = [dataclasses.replace(event, at=event.at + seconds) for event in log.events]
    return log


class TestRunsThatDoNotEnd:
    def test_interrupted(self, world: ForgeWorld, clock: VirtualTime, tmp_path: Path) -> None:
        log = Log(queue(job("one"), job("two", "one"))).start("one", 0.0)
        log.add(e.RunInterrupted(at=START + 30.0, reason="SIGTERM"))
        (result,) = followed(play(log, clock, tmp_path), world.forge)
        assert (result.outcome, result.published) == (None, True)
        assert {text.split(":")[0] for text in shown(world)[MERGE].values()} == {"error"}
        live, final = world.forge.comments(7)
        assert not live.minimized
        assert f"/runner resume {RUN_ID}" in live.body
        assert f"/runner resume {RUN_ID}" in final.body

    def test_killed(self, world: ForgeWorld, clock: VirtualTime, tmp_path: Path) -> None:
        log = Log(queue(job("one"), job("two", "one"))).start("one", 0.0)
        log.add(e.Heartbeat(at=START + 30.0))
        (result,) = followed(play(log, clock, tmp_path), world.forge)
        assert (result.outcome, result.published) == (None, True)
        assert {text.split(":")[0] for text in shown(world)[MERGE].values()} == {"error"}
        live, final = world.forge.comments(7)
        assert "**Its runner is gone.**" in live.body
        assert "was interrupted" in final.body

    @pytest.mark.parametrize("how", ["interrupted", "failed"])
    def test_taken_up_again_without_a_word_in_between(
        self, double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path, how: str
    ) -> None:
        """What looks over is not told of while a new process is about to go on with it."""
        log = Log(queue(job("one"))).start("one", 0.0)
        if how == "failed":
            log.finish("one", 4.0, "failed").over(4.0, "failed")
        else:
            log.add(e.RunInterrupted(at=START + 4.0, reason="SIGTERM"))
        run = play(log, clock, tmp_path).all_at_once()
        if how == "failed":
            log.add(e.JobsReset(at=START + 60.0, job_ids=("one",)))
            log.add(e.RunResumed(at=START + 60.0, max_parallel=4))
        else:
            log.add(e.RunResumed(at=START + 60.0, max_parallel=4))
            log.end("one", 60.0, "lost", exit_code=None, interrupted=True).retrying("one", 60.0, 0.0)
        log.whole("one", 61.0, 5.0).over(66.0)
        clock.sleep(50.0)
        (result,) = followed(run, forge)
        assert (result.outcome, result.published) == ("succeeded", True)
        assert kinds(double) == [("live", True), ("final", False)]
        assert {call.body["state"] for call in double.named(SET)} == {"pending", "success"}
        assert min(call.at for call in double.named(SET)) >= START + 60.0

    def test_never_begun(self, double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path) -> None:
        nothing = play(Log(queue(job("one"))), clock, tmp_path, dies_after=0)
        nothing.append = lambda events: None  # type: ignore[method-assign]
        assert followed(nothing, forge) == [Followed(run_id="run", outcome=None, published=False)]
        assert double.calls == []

    def test_a_log_that_nobody_writes(
        self, double: Double, forge: GitHub, failed: Playing, clock: VirtualTime, tmp_path: Path
    ) -> None:
        broken = play(failed_log(), clock, tmp_path / "broken").all_at_once()
        log = broken.directory / "events.jsonl"
        log.write_bytes(log.read_bytes().replace(b'"job_id":"build"', b'"job_id":"bulid"'))
        said: list[str] = []
        first, second = followed([broken, failed], forge, notice=said.append)
        assert (first.published, second.published) == (False, True)
        assert len(said) == 1
        assert "a job that the plan does not have: bulid" in said[0]


class TestComments:
    @pytest.mark.parametrize("closed", ["lock", "archive"])
    def test_where_nobody_may_speak_there_are_statuses(
        self, world: ForgeWorld, clock: VirtualTime, tmp_path: Path, closed: str
    ) -> None:
        getattr(world, closed)()
        said: list[str] = []
        (result,) = followed(play(failed_log(), clock, tmp_path), world.forge, notice=said.append)
        assert result.published
        assert len(shown(world)[MERGE]) == 8
        assert list(world.forge.comments(7)) == []
        assert len(said) == 1

    def test_a_conversation_that_is_locked_meanwhile_keeps_its_live_comment_true(
        self, double: Double, forge: GitHub, failed: Playing
    ) -> None:
        failed.on_write[14] = lambda: setattr(double.world.pulls[7], "locked", True)
        (result,) = followed(failed, forge)
        assert result.published
        ((kind, minimized, body),) = ours(double)
        assert (kind, minimized) == ("live", True)
        assert "7 of 7 jobs done" in body

    def test_one_that_somebody_deleted_is_posted_anew(
        self, double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path
    ) -> None:
        log = Log(queue(job("one"))).start("one", 0.0).add(e.Heartbeat(at=START + 60))
        log.finish("one", 100.0).over(100.0)
        run = play(log, clock, tmp_path)
        run.on_write[5] = double.world.comments.clear
        (result,) = followed(run, forge)
        assert result.published
        assert kinds(double) == [("live", True), ("final", False)]

    def test_without_a_pull_request(self, double: Double, forge: GitHub, failed: Playing) -> None:
        failed.target = dataclasses.replace(TARGET, pull=0, head="")
        (result,) = followed(failed, forge)
        assert result.published
        assert {call.operation for call in double.calls} == {SET, "repos/list-commit-statuses-for-ref"}
        assert list(forge.statuses(HEAD)) == []

    @pytest.mark.parametrize("status", [0, 502])
    def test_a_reply_to_a_post_that_is_lost(
        self, double: Double, forge: GitHub, failed: Playing, status: int
    ) -> None:
        double.fail(status=status, operation=CREATE, carried_out=True, times=None, every=1)
        (result,) = followed(failed, forge)
        assert result.published
        assert kinds(double) == [("live", True), ("final", False)]


def test_the_live_comment_catches_up_with_what_came_too_soon(
    double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path
) -> None:
    """And it says so when nothing comes any more."""
    log = Log(queue(job("one"))).start("one", 5.0).finish("one", 900.0).over(900.0)
    (result,) = followed(play(log, clock, tmp_path), forge)
    assert result.published
    edits = double.named(EDIT)
    assert [round(call.at - START) for call in edits[:2]] == [15, 195]
    assert "running for 10s" in edits[0].body["body"]
    assert "Last sign of life 2026-11-22 18:04:10 UTC, 3m10s ago" in edits[1].body["body"]


def test_how_long_a_job_that_ended_waits_for_its_status(
    double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path
) -> None:
    """Below two seconds, though there is always something less urgent to be written."""
    log = Log(queue(*(job(f"job-{i}") for i in range(30))), max_parallel=2)
    for i in range(30):
        log.whole(f"job-{i}", 3.1 * i, 3.0)
    (result,) = followed(play(log.over(100.0), clock, tmp_path), forge)
    assert result.published
    waited = [
        call.at - (START + 3.1 * i + 3.0)
        for i in range(30)
        for call in double.named(SET)
        if (call.body["context"], call.body["state"]) == (f"runner/demo/job-{i}", "success")
    ]
    assert len(waited) == 30
    assert max(waited) < 1.0 + 2 * POLL


def test_runs_side_by_side_share_one_budget(
    double: Double, forge: GitHub, clock: VirtualTime, tmp_path: Path
) -> None:
    runs = []
    for name in ("left", "right"):
        made = dataclasses.replace(failed_log().queue, queue_id=name)
        log = Log(made)
        log.events[2:] = failed_log().events[2:]
        runs.append(Playing(log, clock, tmp_path / name, run_id=RUN_ID.replace("demo", name)))
    results = followed(runs, forge)
    assert [(r.run_id.split("-")[0], r.published) for r in results] == [("left", True), ("right", True)]
    assert sorted(kinds(double)) == [("final", False)] * 2 + [("live", True)] * 2
    assert len(forge.statuses(MERGE)) == 16
