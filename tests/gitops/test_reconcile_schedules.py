"""`reconcile`: queues whose time has come."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.ports import Status
from tests.gitops.reconciling import URL, World, counting, in_vain, lines
from tests.histories import START

HOUR = 3600.0
MIDNIGHT = START - START % 86_400 + 86_400.0
THREE = MIDNIGHT + 3 * HOUR


@pytest.fixture
def world(tmp_path: Path) -> World:
    """At 3:30 of a day; the last pass was at 1:30."""
    made = World(tmp_path)
    made.clock.sleep(THREE + 1800 - made.clock.now())
    return made


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    return tmp_path / "ran"


def scheduled(world: World, text: str, *, at: float = THREE - 1.5 * HOUR) -> str:
    head = world.repository.commit({"queues/q.yaml": text})
    world.cursor(head, at=at)
    return head


def test_a_queue_runs_when_it_is_due_and_once(world: World, ran: Path) -> None:
    head = scheduled(world, counting(ran, run_on="schedule", schedule=["0 3 * * *"]))
    assert world.go() == 0
    (name,) = lines(ran)
    assert "T030000-" in name
    assert world.statuses(head) == {"runner/q": "success", "runner/q/a": "success"}
    world.clock.sleep(HOUR)
    world.go()
    assert len(lines(ran)) == 1
    world.clock.sleep(23 * HOUR)
    world.go()
    assert len(set(lines(ran))) == 2


def test_what_cannot_be_started_when_it_is_due_is_started_by_the_next_pass(world: World, ran: Path) -> None:
    scheduled(world, counting(ran, run_on="schedule", schedule=["0 3 * * *"]))
    assert world.go(performing=in_vain) == 4
    world.clock.sleep(HOUR)
    assert world.go() == 0
    (name,) = lines(ran)
    assert "T030000-" in name


def test_of_several_missed_times_only_the_newest_is_run(world: World, ran: Path) -> None:
    scheduled(world, counting(ran, schedule=["*/10 * * * *"]), at=THREE)
    assert world.go() == 0
    assert len(lines(ran)) == 1
    assert "03:20 UTC" in world.summary()


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"schedule": ["0 3 * * *"], "run_on": "manual"}, THREE - HOUR),
        ({"schedule": ["0 3 * * *"]}, THREE),
        ({"schedule": ["0 4 * * *"]}, THREE - HOUR),
        ({"x-note": "schedule"}, THREE - HOUR),
    ],
)
def test_nothing_else_runs(world: World, ran: Path, fields: dict[str, object], at: float) -> None:
    scheduled(world, counting(ran, **fields), at=at)
    assert world.go() == 0
    assert lines(ran) == []


def test_what_policy_forbids_does_not_run(world: World, ran: Path) -> None:
    secrets = {"A": "env:HIDDEN"}
    scheduled(world, counting(ran, schedule=["0 3 * * *"], defaults={"secrets": secrets}))
    assert world.go() == 0
    assert "policy.environment" in world.summary()
    assert lines(ran) == []


def test_a_queue_that_was_just_added_was_not_due_before(world: World, ran: Path) -> None:
    world.repository.commit({"queues/q.yaml": counting(ran, run_on="schedule", schedule=["0 0 1 1 *"])})
    world.cursor(world.first, at=START - 400 * 86_400.0)
    assert world.go() == 0
    assert lines(ran) == []


def test_a_time_waits_while_the_queue_runs_for_its_merge(world: World, ran: Path) -> None:
    head = scheduled(world, counting(ran, schedule=["0 3 * * *"]))
    world.workflow_run(95, "merge")
    merge = Status(context="runner/q", state="pending", description="Running", target=f"{URL}/95")
    world.forge.set_status(head, merge)
    world.go()
    assert (lines(ran), set(world.newest_cursor().waiting)) == ([], {"queues/q.yaml"})
    world.workflow_run(95, "merge", conclusion="success")
    world.forge.set_status(head, Status(context="runner/q", state="success", target=f"{URL}/95"))
    world.go()
    assert len(lines(ran)) == 1
    assert not world.newest_cursor().waiting


def test_a_time_that_another_pass_took_is_not_taken_again(world: World, ran: Path) -> None:
    head = scheduled(world, counting(ran, schedule=["0 3 * * *"]))
    world.workflow_run(96, conclusion="failure")
    world.forge.set_status(head, Status(context="runner/q", state="success", target=f"{URL}/96"))
    world.repository.commit()
    world.go()
    assert lines(ran) == []
    assert "another pass" in world.summary()


def test_one_that_a_pass_was_about_to_start_is_started(world: World, ran: Path) -> None:
    head = scheduled(world, counting(ran, schedule=["0 3 * * *"]))
    world.workflow_run(96, conclusion="failure")
    claim = Status(context="runner/q", state="pending", description="About to start · 1", target=f"{URL}/96")
    world.forge.set_status(head, claim)
    world.go()
    assert len(lines(ran)) == 1


def test_a_queue_with_both_runs_for_its_merge_first(world: World, ran: Path) -> None:
    world.merged({"queues/q.yaml": counting(ran, schedule=["0 3 * * *"])})
    world.repository.commit({"queues/q.yaml": counting(ran, schedule=["*/5 * * * *"])})
    world.cursor(world.first, at=THREE - HOUR)
    world.go()
    assert len(lines(ran)) == 1
    world.go()
    assert len(set(lines(ran))) == 2


def test_the_policy_bounds_how_many_start(world: World, ran: Path) -> None:
    queues = {f"queues/q{n}.yaml": counting(ran, run_on="schedule", schedule=["0 3 * * *"]) for n in range(2)}
    head = world.repository.commit({".github/runner.yaml": "policy: {max_launches: 1}\n", **queues})
    world.cursor(head, at=THREE - HOUR)
    world.go()
    assert len(lines(ran)) == 1
    world.go()
    assert sorted(name[:2] for name in lines(ran)) == ["q0", "q1"]
