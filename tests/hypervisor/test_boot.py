"""Machines that boot: the real user data, the real agent, and whatever may happen in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.model import Outcome
from tests.builders import job, queue
from tests.hypervisor.launching import Launching
from tests.hypervisor.world import HyperWorld

pytestmark = [pytest.mark.root, pytest.mark.timeout(100, func_only=True)]


@pytest.fixture
def launching(world: HyperWorld, tmp_path: Path) -> Launching:
    return Launching(world, tmp_path)


def test_a_run_boots_works_and_ends(world: HyperWorld, launching: Launching) -> None:
    launching.request(queue(job("first", command="echo hello"), job("second", "first", command="cat README")))
    launched = launching.launch()
    running = world.wait_machine()
    assert running.instance_id == launched.instance_id
    world.wait_gone()
    print(running.machine.console())
    assert world.state(launched.instance_id) == ("terminated", "Client.InstanceInitiatedShutdown")
    state = launching.state()
    assert state.outcome is Outcome.SUCCEEDED
