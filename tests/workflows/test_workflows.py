"""The whole loop as GitHub would run it: the real workflows, the real program, a GitHub that remembers."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.snapshots import assert_snapshot
from tests.workflows.scene import FORK, HELLO, Scene

pytestmark = pytest.mark.act

FLAKY = """\
queue_id: flaky
jobs:
  - job_id: lucky
    command: sleep 6; test "$RUNNER_ATTEMPT" -ge 2 # long enough to be told of while it runs
  - job_id: after
    depends_on: [lucky]
    command: echo done
"""
GREETED = """\
queue_id: greeted
params:
  who: {type: string}
  count: {type: integer, default: 1}
jobs:
  - job_id: hello
    command: echo ${{ params.who | q }} ${{ params.count }} > "$RUNNER_RESULT_DIR/hello.txt"
"""


def shows(scene: Scene, name: str, *kinds: str) -> None:
    assert_snapshot(f"workflows/{name}.md", scene.shown(*kinds))


def kept(scene: Scene) -> dict[str, bytes]:
    """What the newest artifact of a run holds."""
    newest = max(
        (one for one in scene.world.artifacts.values() if one.name == "runner-runs"), key=lambda one: one.id
    )
    with zipfile.ZipFile(io.BytesIO(newest.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_pull_request_is_planned_and_again_when_it_is_pushed_to(scene: Scene) -> None:
    pull = scene.open_pull(7, {"queues/greet.yaml": HELLO})
    assert scene.plan(pull).succeeded
    shows(scene, "opened", "plan")
    pull = scene.push_to(pull, {"queues/greet.yaml": HELLO.replace("world", "moon")})
    assert scene.plan(pull, "synchronize").succeeded
    shows(scene, "synchronize", "plan")
    again = scene.commented(scene.say(pull, "bob", "/runner plan"))
    assert again.jobs == ["Permission", "Start another workflow"]
    assert len(scene.double.named("actions/re-run-workflow")) == 1, again.printed()


def test_a_fork_is_planned_without_rights_and_commented_on_all_the_same(scene: Scene) -> None:
    """What it changes of workflows and settings counts for nothing."""
    settings = {
        ".github/runner.yaml": "queues: [none/*.yaml]\n",
        ".github/workflows/runner-comment.yaml": "on: push\n",
    }
    pull = scene.open_pull(8, {"queues/greet.yaml": HELLO, **settings}, fork=True)
    assert pull.head_repository == FORK
    assert scene.plan(pull).succeeded
    shows(scene, "fork", "plan")


def test_a_broken_file_fails_the_plan_on_its_line(scene: Scene) -> None:
    pull = scene.open_pull(7, {"queues/greet.yaml": HELLO.replace("[hello]", "[hallo]")})
    ran = scene.plan(pull)
    assert not ran.succeeded
    assert "file=queues/greet.yaml,line=7" in ran.log.replace(", ", ",")
    shows(scene, "broken", "plan")


def test_what_changes_no_queue_gets_its_status_and_no_comment(installing_scene: Scene) -> None:
    scene = installing_scene
    assert scene.plan(scene.open_pull(7, {"README.md": "Words\n"})).succeeded
    shows(scene, "no-queue", "plan")


def test_a_merge_runs_the_queue_once(scene: Scene) -> None:
    pull = scene.open_pull(7, {"queues/greet.yaml": HELLO})
    scene.plan(pull)
    before, after = scene.merge(pull)
    number, ran = scene.pushed(before, after)
    assert ran.succeeded, ran.printed()
    shows(scene, "merged", "final")
    (run,) = {name.partition("/")[0] for name in kept(scene)}
    assert kept(scene)[f"{run}/jobs/hello/1/results/hello.txt"] == b"hello, world\n"

    shown = scene.shown("live", "final")
    for again in (0, number):  # delivered twice, and run again by hand
        _, ran = scene.pushed(before, after, again=again)
        assert ran.succeeded, ran.printed()
        assert scene.shown("live", "final") == shown

    help_ = scene.commented(scene.say(pull, "ann", "/runner help"))
    assert help_.jobs == ["Permission", "Command"]
    refused = scene.commented(scene.say(pull, "eve", "/runner retry"), allowed=False)
    assert refused.jobs == ["Permission"]
    shows(scene, "commanded", "reply")


def test_two_queues_of_one_squashed_merge_run_side_by_side(scene: Scene) -> None:
    other = HELLO.replace("queue_id: greet", "queue_id: greet-too").replace("world", "moon")
    pull = scene.open_pull(7, {"queues/greet.yaml": HELLO, "queues/too.yaml": other})
    scene.plan(pull)
    _, ran = scene.pushed(*scene.merge(pull, squash=True))
    assert ran.succeeded, ran.printed()
    assert len({name.partition("/")[0] for name in kept(scene)}) == 2
    shows(scene, "two-queues", "final")


def test_a_failed_job_is_run_again_on_demand(scene: Scene) -> None:
    pull = scene.open_pull(7, {"queues/flaky.yaml": FLAKY})
    scene.plan(pull)
    _, ran = scene.pushed(*scene.merge(pull))
    assert ran.succeeded, ran.printed()  # the statuses carry the verdict
    assert [one.minimized for one in scene.comments("live")] == ["OUTDATED"]
    shows(scene, "failed", "final")
    (run,) = {name.partition("/")[0] for name in kept(scene)}
    retried = scene.commented(scene.say(pull, "bob", f"/runner retry {run}"))
    assert retried.succeeded, retried.printed()
    shows(scene, "retried", "final", "reply")


def test_what_a_push_missed_is_run_by_the_next_reconcile(scene: Scene) -> None:
    assert scene.scheduled().succeeded  # the first one notes where it is
    pull = scene.open_pull(7, {"queues/greet.yaml": HELLO})
    scene.plan(pull)
    scene.merge(pull)  # and GitHub starts nothing
    ran = scene.scheduled()
    assert ran.succeeded, ran.printed()
    shows(scene, "reconciled", "final")
    assert "runner-cursor" in {one.name for one in scene.world.artifacts.values()}


def test_a_merge_queue_is_checked_and_nothing_is_written(scene: Scene) -> None:
    base = scene.lab.head("main")
    first = scene.lab.commit("First", {"queues/greet.yaml": HELLO}, on="group")
    head = scene.lab.commit("Second", {"README.md": "Words\n"}, on="group")
    assert first != head
    ran = scene.grouped(base, head)
    assert ran.succeeded, ran.printed()
    assert "1 file checked: no problems" in ran.printed()
    broken = scene.lab.commit("Third", {"queues/greet.yaml": "jobs: 1\n"}, on="group")
    assert not scene.grouped(base, broken).succeeded
    assert scene.double.calls == []


def test_a_queue_runs_by_hand_with_its_parameters(scene: Scene) -> None:
    scene.commit("Add a queue", {"queues/greeted.yaml": GREETED})
    ran = scene.dispatched(
        "merge", {"queue": "queues/greeted.yaml", "params": "count=3 who='the moon; echo'"}
    )
    assert ran.succeeded, ran.printed()
    (run,) = {name.partition("/")[0] for name in kept(scene)}
    assert kept(scene)[f"{run}/jobs/hello/1/results/hello.txt"] == b"the moon; echo 3\n"
    shows(scene, "by-hand", "final")
