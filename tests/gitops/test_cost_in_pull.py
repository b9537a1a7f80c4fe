"""The cost of a pull request's queues: the same line where it is planned, and in the comment."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.gitops.plan.artifact import NAME
from runner.gitops.plan.planning import plan
from tests.forge_worlds import InFiles
from tests.gitops.comment.plan_scenes import Scene
from tests.gitops.pull_requests import Checkout, pull_request, put
from tests.repositories import commit_all, repository
from tests.virtual_time import VirtualTime

pytestmark = pytest.mark.slow

QUEUE = """\
queue_id: hello
machine: {provider: ec2, type: m7i.large, fallback: [m6i.large], ttl: 2h}
jobs:
  - {job_id: a, command: echo}
"""
AWS = "aws: {region: eu-central-1, bucket: my-runs, instance_profile: runner-instance}\n"
SAID = (
    "- Cost: at most `$0.73` (`m7i.large`, the dearest of `m7i.large`, `m6i.large`, `eu-central-1`, "
    "`$0.12075`/h × 2h × 3 machines: first + 2 automatic resumes; instance only; prices of 2025-03)\n"
)


def of_both(tmp_path: Path, base: str, change: str = "") -> tuple[int, str, str]:
    """What the plan workflow says and what the comment does, under a configuration of the base."""
    files = {"queues/hello.yaml": QUEUE} | ({".github/runner.yaml": change} if change else {})
    made: Checkout = pull_request(tmp_path / "pull", files, {".github/runner.yaml": base})
    code = plan(made.context(), made.event, tmp_path / "out")
    checkout = repository(tmp_path / "default")
    put(checkout, {".github/runner.yaml": base})
    commit_all(checkout)
    world = InFiles(tmp_path / "forge", VirtualTime())
    scene = Scene(world=world, checkout=checkout, folder=tmp_path / "scene")
    conclusion = "failure" if code else "success"
    raw = (tmp_path / "out" / NAME).read_bytes()
    scene.comment(scene.push(made.head, raw=raw, conclusion=conclusion))
    return code, made.told(), scene.body()


def test_it_is_the_same_in_both(tmp_path: Path) -> None:
    code, summary, comment = of_both(tmp_path, AWS)
    assert code == 0
    assert SAID in summary
    assert SAID in comment


def test_a_request_does_not_choose_where_prices_are_low(tmp_path: Path) -> None:
    _, summary, comment = of_both(tmp_path, AWS, AWS.replace("eu-central-1", "us-east-1"))
    assert SAID in summary
    assert SAID in comment


@pytest.mark.parametrize(
    "change", ["", AWS + "policy: {max_cost: 100}\n"], ids=["as it is", "raised by itself"]
)
def test_a_limit_of_the_base_refuses_it_in_both(tmp_path: Path, change: str) -> None:
    code, summary, comment = of_both(tmp_path, AWS + "policy: {max_cost: 0.5}\n", change)
    assert code == 1
    for text in (summary, comment):
        assert "the policy allows a run to cost at most $0.50, and this one may cost at most $0.73" in text
        assert "❌ Cannot run" in text
