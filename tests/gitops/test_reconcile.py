"""`reconcile`: merges that were missed, runs that were left alone, and how far a pass came."""

from __future__ import annotations

import select
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import ForgeError, RefusedError, RunnerError
from runner.forges.files import FileForge
from runner.gitops.merge import lost
from runner.gitops.merge.identity import run_id
from runner.gitops.reconcile.cursor import Cursor, from_json, to_json
from runner.gitops.reconcile.reconciling import reconcile
from runner.ports import Status
from runner.publish.refusal import put_off
from runner.publish.target import Target
from tests.gitops.reconciling import URL, World, counting, here, in_vain, lines, queue
from tests.histories import START
from tests.snapshots import assert_snapshot

pytestmark = pytest.mark.slow

GREEN = {"runner/q": "success", "runner/q/a": "success"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    return tmp_path / "ran"


def test_a_missed_merge_is_carried_out_as_its_push_would_have_been(world: World, ran: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(world.first)
    assert world.go() == 0
    expected = run_id(
        "q",
        repository="octo/lab",
        commit=pull.merge_commit,
        path="queues/q.yaml",
        at=START + 60.0,
    )
    assert lines(ran) == [expected]
    assert world.statuses(pull.merge_commit) == GREEN
    assert world.statuses(pull.head_commit) == {"runner/q": "success"}
    assert world.comments() == ["final"]
    assert world.newest_cursor().commit == pull.merge_commit
    assert expected in world.summary()


def test_a_second_pass_finds_nothing_to_do(world: World, ran: Path) -> None:
    world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(world.first)
    world.go()
    assert world.go() == 0
    assert len(lines(ran)) == 1
    assert world.comments() == ["final"]
    assert "Everything was up to date" in world.summary()


def test_the_first_pass_of_all_starts_nothing(world: World, ran: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran, schedule="* * * * *")})
    assert world.go() == 0
    assert (lines(ran), world.statuses(pull.merge_commit)) == ([], {})
    assert world.newest_cursor().commit == pull.merge_commit
    assert "nothing is launched" in world.summary()


def test_after_a_force_push_nothing_is_started(world: World, ran: Path) -> None:
    gone = world.repository.commit({"queues/old.yaml": counting(ran)})
    world.repository.git("reset", "--quiet", "--hard", world.first)
    pull = world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(gone)
    assert world.go() == 0
    assert lines(ran) == []
    assert world.newest_cursor().commit == pull.merge_commit
    assert "force push" in world.summary()


def test_a_merge_that_may_be_on_its_way_is_left_alone(world: World, ran: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran)})
    world.clock = world.forge._clock = type(world.clock)(START + 60.0 + 800)
    world.cursor(world.first)
    world.go()
    assert (lines(ran), world.newest_cursor().commit) == ([], world.first)
    world.clock.sleep(200)
    world.go()
    assert len(lines(ran)) == 1
    assert world.newest_cursor().commit == pull.merge_commit


def test_a_merge_whose_workflow_runs_is_left_alone_however_old_its_commit(world: World, ran: Path) -> None:
    world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(world.first)
    world.workflow_run(50, "merge")
    world.go()
    assert (lines(ran), world.newest_cursor().commit) == ([], world.first)
    world.workflow_run(50, "merge", conclusion="failure")
    world.go()
    assert len(lines(ran)) == 1


def test_what_cannot_be_started_now_is_left_to_the_next_pass(world: World, ran: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(world.first)
    assert world.go(performing=in_vain) == 4
    assert world.statuses(pull.merge_commit) == {"runner/q": "pending"}
    assert "q.yaml is left to the next pass: S3 asks for patience" in world.summary()
    assert world.go() == 0
    assert len(lines(ran)) == 1
    assert world.comments() == ["final"]
    assert world.newest_cursor().commit == pull.merge_commit


def test_what_its_own_workflow_could_not_start_is_started_by_a_pass(world: World, ran: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(world.first)
    target = Target(commit=pull.merge_commit, head=pull.head_commit, pull=7)
    put_off(world.forge, target, "q", "S3 asks for patience")
    said = "About to start, once it can be: S3 asks for patience"
    assert [world.words(commit, "runner/q") for commit in target.commits] == [said] * 2
    assert world.go() == 0
    assert len(lines(ran)) == 1
    assert world.statuses(pull.merge_commit)["runner/q"] == "success"


def test_who_is_about_to_start_it_may_die_before(world: World, ran: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(world.first)
    world.workflow_run(50, "merge")
    claim = Status(
        context="runner/q", state="pending", description="About to start · 12ab", target=f"{URL}/50"
    )
    world.forge.set_status(pull.merge_commit, claim)
    world.go()
    assert (lines(ran), world.newest_cursor().commit) == ([], world.first)
    world.workflow_run(50, "merge", conclusion="cancelled")
    world.go()
    assert len(lines(ran)) == 1
    assert world.newest_cursor().commit == pull.merge_commit


def test_what_was_never_reviewed_is_refused_once(world: World, ran: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran)}, reviewed=False)
    world.cursor(world.first)
    assert world.go() == 0
    assert world.words(pull.merge_commit, "runner/q") == "Not started: no plan of it was reviewed"
    assert world.comments() == ["live"]
    world.cursor(world.first, run=200)
    world.go()
    assert (lines(ran), world.comments()) == ([], ["live"])


def test_the_commits_of_a_rebase_are_one_push(world: World, ran: Path) -> None:
    one = world.repository.commit({"queues/a.yaml": counting(ran)})
    two = world.repository.commit({"queues/b.yaml": counting(ran)})
    world.pull(7, two, world.first, "queues/a.yaml", "queues/b.yaml")
    world.forge.brought[one] = 7
    world.cursor(world.first)
    assert world.go() == 0
    assert sorted(name[0] for name in lines(ran)) == ["a", "b"]
    assert world.statuses(one) == {}


def test_of_a_file_that_was_merged_twice_the_newest_version_runs(world: World, ran: Path) -> None:
    old = world.merged({"queues/q.yaml": queue("false")})
    new = world.merged({"queues/q.yaml": counting(ran)}, 8)
    world.cursor(world.first)
    world.go()
    assert (world.statuses(old.merge_commit), world.statuses(new.merge_commit)) == ({}, GREEN)
    assert "it was changed again since" in world.summary()


def test_a_pass_starts_no_more_than_policy_allows(world: World, ran: Path) -> None:
    start = world.repository.commit({".github/runner.yaml": "policy: {max_launches: 1}\n"})
    for number in range(2):
        world.merged({f"queues/q{number}.yaml": counting(ran)}, 10 + number)
    world.cursor(start)
    world.go()
    assert len(lines(ran)) == 1
    assert "left to the next pass" in world.summary()
    assert world.newest_cursor().commit != world.repository.head
    world.go()
    assert [name[:2] for name in lines(ran)] == ["q0", "q1"]
    assert world.newest_cursor().commit == world.repository.head


def test_queues_by_hand_wait_and_do_not_hold_the_cursor(world: World, ran: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran, run_on="manual")})
    world.cursor(world.first)
    assert world.go() == 0
    assert (lines(ran), world.newest_cursor().commit) == ([], pull.merge_commit)


def test_a_broken_configuration_holds_nothing_up(world: World, ran: Path) -> None:
    world.repository.commit({".github/runner.yaml": "polcy: {}\n"})
    world.merged({"queues/q.yaml": counting(ran)})
    mended = world.repository.commit({".github/runner.yaml": "policy: {}\n"})
    world.cursor(world.first)
    assert world.go() == 0
    assert (lines(ran), world.newest_cursor().commit) == ([], mended)
    assert "broken" in world.summary()


def test_an_older_pass_does_not_take_the_cursor_back(world: World, ran: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(pull.merge_commit)
    world.go(sha=world.first)
    assert (lines(ran), world.newest_cursor().commit) == ([], pull.merge_commit)


def test_only_the_default_branch_is_reconciled(world: World) -> None:
    with pytest.raises(RefusedError, match="refs/heads/topic"):
        world.go(ref="refs/heads/topic")


@pytest.mark.parametrize(
    "run",
    [
        {"workflow": "merge", "event": "push"},
        {"branch": "topic"},
        {"head_repository": 8000},
        {"event": "pull_request"},
    ],
)
def test_a_cursor_from_anywhere_else_is_none(world: World, ran: Path, run: dict[str, object]) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(pull.merge_commit)
    world.cursor(world.first, run=91)
    world.workflow_run(91, **({"conclusion": "success"} | run))  # type: ignore[arg-type]
    world.go()
    assert lines(ran) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"null", b"[" * 50_000, b'{"version": 1}', b"\xff" * 100,
        b'{"version":1,"commit":"--all","at":1,"open":[],"waiting":{}}',
        b'{"version":1,"commit":"' + b"a" * 40 + b'","at":NaN,"open":[],"waiting":{}}',
        b'{"version":1,"commit":"' + b"a" * 40 + b'","at":1,"open":["x"],"waiting":{}}',
        b'{"version":1,"commit":"' + b"a" * 40 + b'","at":1,"open":{},"waiting":[]}',
        b'{"version":1,"commit":"' + b"a" * 40 + b'","at":1,"open":[],"waiting":{"\\u001b":1}}',
        b'{"version":1,"commit":"' + b"a" * 40 + b'","at":true,"open":[],"waiting":{}}',
    ],
)  # fmt: skip
def test_what_is_no_cursor_is_told(raw: bytes) -> None:
    with pytest.raises(RunnerError, match="no cursor"):
        from_json(raw)


def test_a_cursor_goes_through_json() -> None:
    made = Cursor(commit="a" * 40, at=1.5, open=("b" * 40,), waiting={"queues/q.yaml": 2.0})
    assert from_json(to_json(made)) == made


def test_a_cursor_that_is_none_leaves_the_one_before(world: World, ran: Path) -> None:
    world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(world.first)
    world.workflow_run(92, conclusion="success")
    world.keep_cursor(b"{}", 92)
    world.keep_cursor(b"0" * 70_000, 92)
    world.go()
    assert len(lines(ran)) == 1


def test_a_cursor_in_the_checkout_is_not_believed(world: World, ran: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran)})
    place = world.checkout / ".runner" / "cursor.json"
    place.parent.mkdir()
    place.write_text("{}")
    world.go()
    assert world.newest_cursor().commit == pull.merge_commit


# Runs whose follower is gone.


def left_alone(world: World, ran: Path, *, events: int | None = None) -> str:
    """A merge's run as its machine left it: all of it in `.runner`, and only a first status on the forge."""
    pull = world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(world.first, run=60)
    world.workflow_run(61)
    stage = world.stage(61)
    silent = replace(stage, forge=FileForge(world.folder / "elsewhere", clock=world.clock))

    def unseen(starts: object, _: object) -> object:
        return here(starts, silent)  # type: ignore[arg-type]

    silent.forge.put_repository(world.forge.repository())  # type: ignore[attr-defined]
    reconcile(stage, performing=unseen)  # type: ignore[arg-type]
    for commit in (pull.merge_commit, pull.head_commit):
        for context in ("runner/q", "runner/q/a"):
            if commit == pull.merge_commit or context == "runner/q":
                world.forge.set_status(
                    commit,
                    Status(context=context, state="pending", description="Running", target=f"{URL}/61"),
                )
    if events is not None:
        (log,) = (world.checkout / ".runner").glob("*/events.jsonl")
        log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:events]))
    return pull.merge_commit


def test_a_run_that_goes_on_elsewhere_is_left_alone(world: World, ran: Path) -> None:
    commit = left_alone(world, ran)
    (world.checkout / ".runner").rename(world.folder / "elsewhere-runs")
    assert world.go() == 0
    assert world.statuses(commit) == {"runner/q": "pending", "runner/q/a": "pending"}
    assert world.newest_cursor().open == (commit,)


def test_a_run_that_ended_unseen_is_shown(world: World, ran: Path) -> None:
    commit = left_alone(world, ran)
    world.ends(61, "cancelled")
    assert world.go() == 0
    assert world.statuses(commit) == GREEN
    assert world.statuses(f"{7:040x}") == {"runner/q": "success"}
    assert world.comments() == ["final"]
    assert {s.target for s in world.forge.statuses(commit)} == {f"{URL}/61"}
    assert len(lines(ran)) == 1
    assert not world.newest_cursor().open
    world.go()
    assert world.comments() == ["final"]


def test_a_run_that_was_cut_off_is_shown_as_interrupted(world: World, ran: Path) -> None:
    commit = left_alone(world, ran, events=3)
    world.ends(61, "cancelled")
    assert world.go() == 0
    assert world.statuses(commit)["runner/q"] == "error"
    assert "can be resumed" in world.words(commit, "runner/q")
    assert len(lines(ran)) == 1


def test_a_run_of_which_nothing_was_kept_is_lost(world: World, ran: Path) -> None:
    commit = left_alone(world, ran)
    world.ends(61, "cancelled", keeps=False)
    assert world.go() == 0
    assert world.statuses(commit) == {"runner/q": "error", "runner/q/a": "error"}
    assert world.words(commit, "runner/q") == lost.WORDS
    assert world.words(f"{7:040x}", "runner/q") == lost.WORDS
    (comment,) = world.forge.comments(7)
    assert_snapshot("reconcile/lost.md", comment.body.replace(commit[:12], "0123456789ab"))
    world.go()
    assert world.comments() == ["final"]
    assert len(lines(ran)) == 1


def test_an_artifact_that_has_expired_is_none(world: World, ran: Path) -> None:
    commit = left_alone(world, ran)
    world.ends(61, "failure", keeps=False)
    world.forge.put_artifact("runner-runs", b"", run_id=61, expired=True)
    world.go()
    assert world.words(commit, "runner/q") == lost.WORDS


def test_an_artifact_that_cannot_be_read_is_none(world: World, ran: Path) -> None:
    commit = left_alone(world, ran)
    world.ends(61, "failure", keeps=False)
    world.forge.put_artifact("runner-runs", b"PK\x03\x04 and no more", run_id=61)
    assert world.go() == 0
    assert world.words(commit, "runner/q") == lost.WORDS


@pytest.mark.parametrize("run", [{"branch": "topic"}, {"workflow": "other"}])
def test_a_status_that_leads_to_a_strangers_workflow_is_left_alone(
    world: World, ran: Path, run: dict[str, str]
) -> None:
    commit = left_alone(world, ran)
    world.ends(61, "failure")
    world.workflow_run(61, **({"conclusion": "failure"} | run))  # type: ignore[arg-type]
    assert world.go() == 0
    assert world.statuses(commit)["runner/q"] == "pending"


def test_somebody_elses_status_is_not_ours(world: World, ran: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran)})
    other = FileForge(world.folder / "forge", clock=world.clock, login="mallory")
    other.set_status(pull.merge_commit, Status(context="runner/q", state="success"))
    world.cursor(world.first)
    world.go()
    assert len(lines(ran)) == 1


def test_open_commits_are_looked_at_until_they_are_over(world: World, ran: Path) -> None:
    commit = left_alone(world, ran)
    shelf = world.folder / "shelf"
    (world.checkout / ".runner").rename(shelf)
    world.go()
    world.clock.sleep(30 * 86_400.0)
    world.go()
    assert world.newest_cursor().open == (commit,)
    shelf.rename(world.checkout / ".runner")
    (world.checkout / ".runner" / "cursor.json").unlink()
    world.ends(61, "cancelled")
    world.go()
    assert (world.statuses(commit), world.newest_cursor().open) == (GREEN, ())


def test_another_attempt_at_a_pass_goes_on_from_the_first(world: World, ran: Path) -> None:
    commit = left_alone(world, ran)
    world.ends(61, "failure")
    world.workflow_run(61)
    assert reconcile(world.stage(61), performing=here) == 0
    assert (world.statuses(commit), len(lines(ran))) == (GREEN, 1)


def test_agents_of_their_own_do_the_work(world: World, ran: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(world.first)
    world.workflow_run(300)

    def sleep(seconds: float) -> None:
        world.clock.sleep(seconds)
        select.select([], [], [], 0.01)

    assert reconcile(world.stage(300, sleep=sleep)) == 0
    assert (world.statuses(pull.merge_commit), len(lines(ran))) == (GREEN, 1)


def test_what_the_forge_refuses_is_tried_again(world: World, ran: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(world.first)

    class Refusing(FileForge):
        def set_status(self, commit: str, status: Status) -> None:
            if not status.description.startswith("About"):
                raise ForgeError("it does not work")
            super().set_status(commit, status)

    assert world.go(forge=Refusing(world.folder / "forge", clock=world.clock)) == 4
    assert world.newest_cursor().open == (pull.merge_commit,)
    assert world.go() == 0
    assert (world.statuses(pull.merge_commit), len(lines(ran))) == (GREEN, 1)


def test_a_pass_asks_the_forge_within_bounds(world: World, ran: Path) -> None:
    for number in range(8):
        world.merged({f"queues/q{number}.yaml": counting(ran, run_on="manual")}, 100 + number)
    world.cursor(world.first)
    asked = Counting(world.forge)
    world.go(forge=asked, most=62)
    assert asked.reads <= 62
    assert world.newest_cursor().commit not in {world.first, world.repository.head}
    assert "left to the next pass" in world.summary()
    for _ in range(3):
        world.go(most=62)
    assert world.newest_cursor().commit == world.repository.head


class Counting:
    """A forge that counts what it is asked."""

    def __init__(self, forge: FileForge) -> None:
        self._forge = forge
        self.reads = 0

    def __getattr__(self, name: str) -> object:
        if name not in {"set_status", "add_comment", "edit_comment", "minimize_comment", "next_write"}:
            self.reads += 1
        return getattr(self._forge, name)
