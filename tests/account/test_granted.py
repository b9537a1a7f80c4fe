"""Each call that the program makes is granted to its role; and what is granted is what it calls."""

from __future__ import annotations

import pytest

from tests.account.policies import Call, Statement, may
from tests.account.scenes import Scenes
from tests.account.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("account")]


def test_the_workflows_may_do_all_that_they_do(scenes: Scenes, stack: Stack) -> None:
    assert [str(call) for call in scenes.of_the_workflows() if not may(stack.actions, call)] == []


def test_machines_may_do_all_that_they_do(scenes: Scenes, stack: Stack) -> None:
    assert [str(call) for call in scenes.of_machines() if not may(stack.machines, call)] == []


def test_the_workflows_may_do_nothing_more(scenes: Scenes, stack: Stack) -> None:
    assert _unused(stack.actions, scenes.of_the_workflows()) == []


def test_machines_may_do_nothing_more(scenes: Scenes, stack: Stack) -> None:
    assert _unused(stack.machines, scenes.of_machines()) == []


def _unused(statements: list[Statement], calls: list[Call]) -> list[tuple[str, str, str]]:
    """Every action on every kind of resource that no call needed."""
    narrow = [
        (one.sid, action, resource, Statement(one.sid, one.effect, (action,), (resource,), one.conditions))
        for one in statements
        for action in one.actions
        for resource in one.resources
    ]
    return [
        (sid, action, resource)
        for sid, action, resource, one in narrow
        if not any(one.speaks_of(call) for call in calls)
    ]


def test_nobody_else_asks_anything(scenes: Scenes) -> None:
    assert [f"{seen.method} {seen.path}" for seen in scenes.unsigned()] == []


def test_machines_are_what_the_stack_says(scenes: Scenes, stack: Stack) -> None:
    launched = scenes.machines()
    assert len(launched) > 2
    for one in launched:
        assert [group["GroupId"] for group in one["SecurityGroups"]] == [stack.account.security_group]
        assert {"Key": "runner:repository", "Value": "acme/models"} in one["Tags"]
