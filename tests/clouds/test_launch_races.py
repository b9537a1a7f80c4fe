"""Two launchers of one generation: whatever the order of their calls, the run gets one machine."""

from __future__ import annotations

from typing import Any

import pytest

from runner.launching.ledger import claimed_by
from runner.stores.s3 import Found
from tests.clouds.launch_races import World, _Held, explore, race

pytestmark = pytest.mark.slow

STEADY: dict[str, dict[str, Any]] = {
    "all there": {"agents": True},
    "the first is short": {"short": frozenset({1}), "agents": True},
    "looks miss": {"short": frozenset({1}), "stale": 2},
    "a reply is lost": {"faults": 1, "stale": 1, "agents": True},
    "a reply is lost and the first is short": {"short": frozenset({1}), "faults": 1},
}


@pytest.mark.parametrize("circumstances", STEADY.values(), ids=STEADY)
def test_there_is_one_machine_in_every_order(circumstances: dict[str, Any]) -> None:
    worlds = explore(race(**circumstances))
    assert all(len(world.machines) <= 1 for world in worlds)
    ended = [world for world in worlds if all(world.ends())]
    assert ended
    for world in ended:
        (number,) = world.machines
        assert world.ends() == [f"i-{number}"] * 2


def test_where_there_is_no_machine_both_say_so() -> None:
    worlds = explore(race(short=frozenset({1, 2})))
    assert not any(world.machines for world in worlds)
    assert {tuple(world.ends()) for world in worlds if all(world.ends())} == {("CapacityError",) * 2}


def test_machines_that_come_and_go_leave_one_that_has_the_run() -> None:
    """The first type is short for one launcher and there a moment later for the other, while looks lag."""
    worlds = explore(race(short=frozenset({1}), wavers=True, stale=1, agents=True))
    ended = [world for world in worlds if all(world.ends())]
    assert any(len(world.machines) > 1 for world in ended), "the case that the claim is for never came up"
    for world in ended:
        assert all(int(end.removeprefix("i-")) in world.machines for end in world.ends())
        for first in world.machines:
            assert len({_holder(after) for after in _claims(world, first)}) == 1


def _claims(world: World, first: int) -> list[World]:
    """After each machine's agent has claimed the run, one before the others."""
    after, worlds = world, []
    for number in (first, *world.machines - {first}):
        after = after.claimed(number)
        worlds.append(after)
    return worlds


def _holder(world: World) -> str:
    return claimed_by(_Held({name: Found(body=body) for name, body in world.held}), 1)
