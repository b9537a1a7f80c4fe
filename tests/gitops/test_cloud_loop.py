"""Merged, launched, run, shown, gone: the workflow for the cloud with real agents and the embedded forge."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.gitops.repository.configured import config_at
from runner.machines.live import marked
from tests.aws import Aws
from tests.gitops.cloud_loop import CloudLoop, queue

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
    assert loop.push(before, until=0.0) == 0
    assert loop.step("schedule", {"schedule": "53 * * * *"}) == 0, loop.world.said
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


def test_a_command_is_handed_over_and_answered_from_the_cloud(loop: CloudLoop) -> None:
    """Logs, cancel, retry: asked in a comment, and done where the run is."""
    before = loop.repository.head
    base = before
    loop.repository.commit({"queues/train.yaml": queue("echo words; test -e $RUNNER_STATE_DIR/x || exit 3")})
    pull = loop.pull(7, "d" * 40, base)
    loop.review(pull, config_at(loop.repository.folder, before), "queues/train.yaml")
    assert loop.push(before) == 0, loop.world.said
    assert loop.statuses(pull.head_commit)["runner/train"][0] == "failure", loop.world.said
    (run_id,) = loop.site.root.below("runs").folders()

    asked = loop.forge.put_comment(7, f"/runner logs {run_id} a", author="ann")
    assert loop.step("workflow_dispatch", {"inputs": {"comment": str(asked.id)}}) == 0
    said = loop.forge.comments(7)[-1].body
    assert "words" in said
    assert f"runner logs s3://{loop.aws.bucket}/ci/runs/{run_id} a" in said

    asked = loop.forge.put_comment(7, f"/runner retry {run_id}", author="ann")
    assert loop.step("workflow_dispatch", {"inputs": {"comment": str(asked.id)}}) == 0
    said = loop.forge.comments(7)[-1].body
    assert "Ran again, and failed" in said, (said, loop.world.said)
    assert len(loop.world.cloud.held) == 2

    loop.boots = False
    asked = loop.forge.put_comment(7, f"/runner retry {run_id}", author="ann")
    loop.step("workflow_dispatch", {"inputs": {"comment": str(asked.id)}}, until=0.0)
    asked = loop.forge.put_comment(7, f"/runner cancel {run_id}", author="ann")
    assert loop.step("workflow_dispatch", {"inputs": {"comment": str(asked.id)}}) == 0
    (request,) = loop.site.run(run_id).names("requests/")
    assert request.name == f"requests/comment-{asked.id}.json", "its log still ends with its first failure"
