"""Merged, launched, run, shown, gone: the workflow for the cloud with real agents and the embedded forge."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.machines.live import marked
from tests.aws import Aws
from tests.cloud_loop import CloudLoop, queue

pytestmark = pytest.mark.slow


@pytest.fixture
def loop(aws: Aws, tmp_path: Path) -> Iterator[CloudLoop]:
    with contextlib.ExitStack() as stack:
        made = CloudLoop(aws, tmp_path, stack)
        try:
            yield made
        finally:
            made.close()


def test_a_push_is_launched_followed_and_shown(loop: CloudLoop) -> None:
    before = loop.repository.head
    merge = loop.repository.commit({"queues/train.yaml": queue("echo on $(hostname)")})
    assert loop.push(before) == 0, loop.world.said
    shown = loop.statuses(merge)
    assert shown["runner/train"][0] == "success", (shown, loop.world.said)
    assert shown["runner/train/a"][0] == "success"
    assert marked(loop.site) == [], "it is over and shown: nobody has to look after it"
    assert len(loop.world.cloud.held) == 1
    assert loop.push(before) == 0, "delivered twice"
    assert len(loop.world.cloud.held) == 1


def test_a_machine_that_is_taken_back_is_replaced_while_it_is_followed(loop: CloudLoop) -> None:
    before = loop.repository.head
    merge = loop.repository.commit({"queues/train.yaml": queue("sleep 1")})
    loop.boots = False
    assert loop.push(before, until=time.time() + 2) == 0
    assert loop.statuses(merge)["runner/train"][0] == "pending"
    (live,) = marked(loop.site)
    loop.boots = True
    (first,) = loop.world.cloud.living()
    loop.world.cloud.end(first.id, "spot", "Server.SpotInstanceTermination")
    assert loop.step("schedule", {"schedule": "53 * * * *"}) == 0, loop.world.said
    assert [one.run_id for one in marked(loop.site)] == [live.run_id]
    assert loop.step("workflow_dispatch", {"inputs": {"follow": "true"}}) == 0, loop.world.said
    assert loop.statuses(merge)["runner/train"][0] == "success", loop.world.said
    assert marked(loop.site) == []
    assert len(loop.world.cloud.held) == 2
