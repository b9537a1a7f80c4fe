"""The policy at the plan and at the launch: the same limits, and the cost by the prices of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.errors import RefusedError
from runner.launching.account import Account
from runner.launching.ceilings import check
from runner.launching.cost import carried
from runner.model import Git, Job, Machine, Queue
from runner.plan import Prices
from runner.plan.prices import RegionPrices
from runner.prepare import Prepared, prepare
from runner.problems import Severity
from runner.validate import Policy

ACCOUNT = Account(region="us-east-1", subnets=("subnet-a",), instance_profile="runner-instance")


def queue(provider: str = "ec2", **options: Any) -> Queue:
    machine = Machine(provider=provider, options=options)
    return Queue(queue_id="q", queue_name="q", jobs=(Job(job_id="a", command="x"),), machine=machine)


def refused(policy: Policy, prices: Prices | None = None, **options: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        check(queue(**options), ACCOUNT, policy, prices or carried())
    return f"{caught.value.message} | {caught.value.hint}"


class TestAtTheLaunch:
    def test_what_the_account_says_itself_is_allowed(self) -> None:
        policy = Policy(subnets=(), regions=(), instance_profiles=(), amis=(), max_cost=2.0)
        check(queue(), ACCOUNT, policy, carried())

    def test_everything_is_said_at_once(self) -> None:
        policy = Policy(machine_types=("m7i.*",), max_ttl=3600.0, subnets=("subnet-a",), max_cost=1.0)
        said = refused(policy, type="c7i.large", ttl="3h", subnet="subnet-b")
        assert "does not allow `type: c7i.large`" in said
        assert "`ttl` of at most 1h" in said
        assert "does not allow `subnet: subnet-b`" in said
        assert said.count("; allowed are:") == 1
        assert "cost" not in said, "0.81 dollars are within the limit"

    def test_a_cost_beyond_the_limit_by_the_prices_of_now(self) -> None:
        policy = Policy(max_cost=2.0)
        check(queue(type="m7i.large"), ACCOUNT, policy, carried())
        dearer = Prices(regions={"us-east-1": RegionPrices(as_of="2027-01", types={"m7i.large": 0.25})})
        said = refused(policy, dearer, type="m7i.large")
        assert (
            "at most $2.00, and this one may cost at most $3.00 (m7i.large, us-east-1, $0.25/h × 4h" in said
        )
        assert "prices of 2027-01" in said

    def test_an_unknown_cost_is_beyond_any_limit_and_the_way_out_is_said(self) -> None:
        said = refused(Policy(max_cost=1000.0), type="p99.large")
        assert "unknown: no price known for p99.large in us-east-1" in said
        assert "take `policy.max_cost` of .github/runner.yaml out on the base branch" in said
        check(queue(type="p99.large"), ACCOUNT, Policy(), carried())

    def test_no_limit_on_cost_concerns_what_runs_here(self) -> None:
        check(queue(provider="local"), ACCOUNT, Policy(max_cost=0.0), carried())


CONFIG = """\
aws: {region: us-east-1, bucket: my-runs, instance_profile: runner-instance}
policy: {max_cost: 1}
"""
FILE = """\
params:
  type: {type: string, default: m7i.large}
  size: {type: string}
jobs:
  - job_id: a
    command: 'true'
machine:
  provider: ec2
  type: ${{ params.type }}
  ttl: 3h
"""


def prepared(folder: Path, text: str, params: dict[str, str] | None = None, **fields: Any) -> Prepared:
    (folder / ".github").mkdir(exist_ok=True)
    (folder / ".github" / "runner.yaml").write_text(CONFIG)
    (folder / "q.yaml").write_text(text)
    return prepare(
        str(folder / "q.yaml"),
        checkout=folder,
        environ={},
        git=Git(),
        now="2026-11-22T00:00:00Z",
        params=params,
        name="q.yaml",
        **fields,
    )


class TestAtThePlan:
    GIVEN = FILE.replace("  size: {type: string}\n", "")

    def test_what_is_within_the_limit_has_a_queue(self, tmp_path: Path) -> None:
        made = prepared(tmp_path, self.GIVEN)
        assert [p.message for p in made.problems if p.severity is Severity.ERROR] == []
        assert made.queue is not None

    def test_what_a_parameter_gives_counts_and_stands_at_its_line(self, tmp_path: Path) -> None:
        made = prepared(tmp_path, self.GIVEN, {"type": "m7i.xlarge"})
        (problem,) = [p for p in made.problems if p.rule == "policy"]
        assert str(problem.location) == "q.yaml:9:8"
        assert (
            "a run to cost at most $1.00, and this one may cost at most $1.82 (m7i.xlarge" in problem.message
        )
        assert made.queue is None

    def test_timeouts_count(self, tmp_path: Path) -> None:
        text = self.GIVEN.replace("jobs:", "timeout: 15m\ncleanup_timeout: 0s\njobs:")
        assert prepared(tmp_path, text, {"type": "m7i.xlarge"}).queue is not None

    def test_an_unknown_price_is_at_the_types_line(self, tmp_path: Path) -> None:
        (problem,) = [
            p for p in prepared(tmp_path, self.GIVEN, {"type": "p99.large"}).problems if p.rule == "policy"
        ]
        assert str(problem.location) == "q.yaml:8:9"
        assert "no price known for p99.large in us-east-1" in problem.message

    def test_without_its_parameters_nothing_is_known_yet(self, tmp_path: Path) -> None:
        made = prepared(tmp_path, FILE, {"type": "m7i.48xlarge"})
        assert made.missing == {"size"}
        assert [p for p in made.problems if p.rule == "policy"] == []

    def test_a_run_on_this_machine_costs_nothing(self, tmp_path: Path) -> None:
        made = prepared(tmp_path, self.GIVEN, {"type": "m7i.48xlarge"}, here=True)
        assert [p for p in made.problems if p.rule == "policy"] == []
