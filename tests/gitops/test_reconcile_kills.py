"""`reconcile` killed after any call, and two of them at once; and what GitHub itself would say to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.forges.files import FileForge
from runner.gitops.reconcile.reconciling import reconcile
from runner.ports import Status
from tests.forge_worlds import TOKEN, github, pull_in_double
from tests.github_double import Artifact, Double, serving
from tests.github_double import WorkflowRun as DoubleRun
from tests.gitops.reconciling import URL, World, counting, here, lines
from tests.histories import HERE
from tests.waiting import PATIENCE

pytestmark = pytest.mark.slow

GREEN = {"runner/q": "success", "runner/q/a": "success"}


class Killed(BaseException):
    """As SIGKILL: nothing of the program sees it."""


class Killing:
    """A forge whose caller dies after so many calls were carried out."""

    def __init__(self, forge: FileForge, after: int) -> None:
        self._forge, self.left = forge, after

    def __getattr__(self, name: str) -> object:
        found = getattr(self._forge, name)

        def call(*arguments: object, **named: object) -> object:
            result = found(*arguments, **named)
            self.left -= 1
            if self.left == 0:
                raise Killed
            return result

        return call


def killed_at(world: World, after: int, *, keeps: bool) -> bool:
    """One pass that dies after so many calls; False where it came to its end before. `keeps`: uploads."""
    world.number += 1
    number = world.number
    world.workflow_run(number)
    forge = Killing(world.forge, after)
    try:
        reconcile(world.stage(number, forge), performing=here)  # type: ignore[arg-type]
    except Killed:
        world.ends(number, "failure", keeps=keeps)
        return True
    world.ends(number, "success")
    return False


@pytest.mark.parametrize("keeps", [True, False], ids=["uploads", "nothing"])
def test_killed_after_any_call_of_a_start(tmp_path: Path, keeps: bool) -> None:
    """Where the machine kept something the run is one; where not, it is lost or started again, and said."""
    after = 0
    goes_on = True
    while goes_on:
        after += 1
        world = World(tmp_path / str(after))
        ran = tmp_path / f"ran-{after}"
        pull = world.merged({"queues/q.yaml": counting(ran)})
        world.cursor(world.first)
        goes_on = killed_at(world, after, keeps=keeps)
        assert world.go() == 0
        assert world.go() == 0
        assert len(set(lines(ran))) == 1, after
        states = world.statuses(pull.merge_commit)
        assert "pending" not in states.values(), after
        assert set(states.values()) in ({"success"}, {"error"}), after
        if keeps:
            assert (states, len(lines(ran))) == (GREEN, 1), after
            assert world.comments() == ["final"], after
        assert world.newest_cursor().commit == pull.merge_commit


def test_killed_after_any_call_of_a_lost_run(tmp_path: Path) -> None:
    after = 0
    goes_on = True
    while goes_on:
        after += 1
        world = World(tmp_path / str(after))
        pull = world.merged({"queues/q.yaml": counting(tmp_path / "ran")})
        world.cursor(pull.merge_commit)
        world.workflow_run(80, "merge", conclusion="cancelled")
        job = Status(context="runner/q/a", state="pending", description="Running", target=f"{URL}/80")
        world.forge.set_status(pull.merge_commit, job)
        for commit in (pull.merge_commit, pull.head_commit):
            told = Status(context="runner/q", state="pending", description="Running", target=f"{URL}/80")
            world.forge.set_status(commit, told)
        goes_on = killed_at(world, after, keeps=False)
        world.go()
        assert set(world.statuses(pull.merge_commit).values()) == {"error"}, after
        assert world.statuses(pull.head_commit) == {"runner/q": "error"}, after
        assert world.comments() == ["final"], after


class Baton:
    """Of two threads that share a working directory one runs, until it hands over or ends."""

    def __init__(self) -> None:
        self._turns = [threading.Semaphore(1), threading.Semaphore(0)]

    def wait(self, me: int) -> None:
        assert self._turns[me].acquire(timeout=PATIENCE)

    def hand_over(self, me: int) -> None:
        self._turns[1 - me].release()
        self.wait(me)

    def end(self, me: int) -> None:
        self._turns[1 - me].release(10)


def test_two_passes_at_once_start_a_run_once(tmp_path: Path) -> None:
    """Both have seen that there is no run when both say that they are about to start it."""
    world = World(tmp_path)
    ran = tmp_path / "ran"
    pull = world.merged({"queues/q.yaml": counting(ran)})
    world.cursor(world.first)
    baton = Baton()

    class Handing(FileForge):
        me = 0

        def set_status(self, commit: str, status: Status) -> None:
            if status.description.startswith("About to start"):
                baton.hand_over(self.me)
            super().set_status(commit, status)

    def go(me: int) -> None:
        def sleep(seconds: float) -> None:
            world.clock.sleep(seconds)
            if seconds == 5.0:
                baton.hand_over(me)

        forge = Handing(tmp_path / "forge", clock=world.clock)
        forge.me = me
        baton.wait(me)
        checkout = world.repository.clone(tmp_path / f"clone{me}").folder
        codes[me] = reconcile(world.stage(200 + me, forge, checkout=checkout, sleep=sleep), performing=here)
        baton.end(me)

    codes = [-1, -1]
    for me in range(2):
        world.workflow_run(200 + me)
    other = threading.Thread(target=go, args=(0,))
    other.start()
    go(1)
    other.join(PATIENCE)
    assert codes == [0, 0]
    assert len(lines(ran)) == 1
    assert world.statuses(pull.merge_commit) == GREEN
    assert world.comments() == ["final"]


# The same on GitHub.


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def double(world: World) -> Iterator[Double]:
    with serving(Double(world.clock)) as double:
        double.token(TOKEN)
        yield double
        assert double.violations == []
        assert double.limits.refused == []


def copied(world: World, double: Double, commits: list[str]) -> None:
    """All that the files have, on GitHub. Our statuses become those of the workflow's own login."""
    there, here_ = double.world, world.forge
    there.repository_id = HERE
    for pull in (here_.pull(number) for number in (7,)):
        there.pulls[pull.number] = pull_in_double(pull, double)
        there.commits[pull.head_commit] = ()
    there.commits.update(dict.fromkeys(commits, ()))
    there.branches["main"] = commits[-1]
    there.workflows |= {"merge.yaml", "reconcile.yaml"}
    for path in (world.folder / "forge" / "workflow-runs").glob("*.json"):
        run = here_.workflow_run(int(path.stem))
        there.runs[run.id] = DoubleRun(
            run.id, run.workflow, run.event, run.branch, run.commit, run.conclusion or None
        )
    for artifact in here_.artifacts():
        content = here_.download(artifact, limit=10**9)
        there.artifacts[artifact.id] = Artifact(
            artifact.id, artifact.name, content, artifact.workflow_run, artifact.at
        )


def test_a_missed_merge_on_github(world: World, double: Double, tmp_path: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(tmp_path / "ran")})
    world.cursor(world.first)
    copied(world, double, [world.first, pull.merge_commit])
    forge = github(double, world.clock)
    reviewed = next(iter(world.forge.statuses(pull.head_commit)))
    forge.set_status(pull.head_commit, replace(reviewed, author="", at=0.0))
    assert reconcile(world.stage(300, forge), performing=here) == 0
    assert len(lines(tmp_path / "ran")) == 1
    assert {s.context: s.state for s in forge.statuses(pull.merge_commit)} == GREEN
    assert len(double.calls) < 60


def test_a_run_that_was_left_alone_on_github(world: World, double: Double, tmp_path: Path) -> None:
    pull = world.merged({"queues/q.yaml": counting(tmp_path / "ran")})
    world.cursor(world.first)
    world.go()
    copied(world, double, [world.first, pull.merge_commit])
    double.world.runs[101].conclusion = "cancelled"
    forge = github(double, world.clock)
    told = Status(context="runner/q", state="pending", description="Running", target=f"{URL}/101")
    forge.set_status(pull.merge_commit, told)
    assert reconcile(world.stage(300, forge), performing=here) == 0
    assert {s.context: s.state for s in forge.statuses(pull.merge_commit)} == GREEN
    assert len(forge.comments(7)) == 1
    assert len(lines(tmp_path / "ran")) == 1
