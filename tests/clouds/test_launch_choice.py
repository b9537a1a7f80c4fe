"""Which machines are asked for, what they are called, and which should not be alive."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from runner.canonical.machine import architecture_of, ttl_of
from runner.errors import UsageError
from runner.launching.account import Account
from runner.launching.attempts import Attempt, disk_of, image_name, plan_of_attempts
from runner.launching.naming import OWNER, REPOSITORY, TTL, search_tags, tags_of, token
from runner.launching.reap import YOUNG, RunFacts, orphans
from runner.model import Machine
from runner.ports import Image, Instance
from tests.clouds.making import PURPOSE

TWO_SUBNETS = Account(subnets=("subnet-a", "subnet-b"))
NOW = 1_000_000.0


def machine(**options: Any) -> Machine:
    return Machine(provider="ec2", options=options)


def test_spot_comes_before_on_demand_types_as_written_each_in_every_subnet() -> None:
    wanted = plan_of_attempts(machine(type="m7i.large", fallback=["c7i.large"], spot=True), TWO_SUBNETS)
    assert [(one.spot, one.type, one.subnet) for one in wanted] == [
        (True, "m7i.large", "subnet-a"),
        (True, "m7i.large", "subnet-b"),
        (True, "c7i.large", "subnet-a"),
        (True, "c7i.large", "subnet-b"),
        (False, "m7i.large", "subnet-a"),
        (False, "m7i.large", "subnet-b"),
        (False, "c7i.large", "subnet-a"),
        (False, "c7i.large", "subnet-b"),
    ]


def test_a_queue_that_says_nothing_gets_one_ordinary_machine() -> None:
    assert plan_of_attempts(machine(), Account()) == [Attempt(type="m7i.large")]
    assert ttl_of(machine()) == 4 * 3600
    assert ttl_of(machine(ttl="90m")) == 5400


def test_the_queues_own_subnet_is_the_only_one_and_nothing_is_asked_for_twice() -> None:
    wanted = plan_of_attempts(
        machine(type="t3.large", fallback=["t3.large"], spot="false", subnet="subnet-c"), TWO_SUBNETS
    )
    assert wanted == [Attempt(type="t3.large", subnet="subnet-c")]


def test_types_of_two_architectures_cannot_share_an_image() -> None:
    with pytest.raises(UsageError, match=r"m7g\.large are ARM machines"):
        plan_of_attempts(machine(type="m7i.large", fallback=["m7g.large"]), Account())


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("m7i.large", "x86_64"),
        ("g5.xlarge", "x86_64"),
        ("g6e.xlarge", "x86_64"),
        ("gr6.4xlarge", "x86_64"),
        ("m7i-flex.large", "x86_64"),
        ("u7i-12tb.224xlarge", "x86_64"),
        ("p5en.48xlarge", "x86_64"),
        ("m7g.large", "arm64"),
        ("c7gn.large", "arm64"),
        ("t4g.micro", "arm64"),
        ("g5g.xlarge", "arm64"),
        ("im4gn.large", "arm64"),
        ("x2gd.large", "arm64"),
        ("a1.large", "arm64"),
        ("p6e-gb200.36xlarge", "arm64"),
    ],
)
def test_the_architecture_is_in_the_name_of_the_type(type_: str, expected: str) -> None:
    assert architecture_of(type_) == expected


def test_the_image_is_the_newest_ubuntu_unless_the_queue_names_one() -> None:
    assert "24.04/stable/current/amd64/" in image_name(machine())
    assert "24.04/stable/current/arm64/" in image_name(machine(type="m7g.large"))
    assert image_name(machine(ami="ami-1")) == "ami-1"


@pytest.mark.parametrize(("disk", "expected"), [(None, 30), ("100GB", 94), ("1GiB", 15), ("40GiB", 40)])
def test_the_disk_has_what_was_asked_for_and_what_the_image_needs(disk: str | None, expected: int) -> None:
    image = Image(id="ami-1", root_device="/dev/sda1", disk=15)
    assert disk_of(machine(disk=disk), image) == expected


def test_tokens_differ_by_run_generation_and_number_alone() -> None:
    others = [
        token(PURPOSE, 2),
        token(dataclasses.replace(PURPOSE, generation=2), 1),
        token(dataclasses.replace(PURPOSE, run_id="other"), 1),
        token(dataclasses.replace(PURPOSE, repository="acme/other"), 1),
    ]
    assert len({token(PURPOSE, 1), *others}) == 5
    assert token(dataclasses.replace(PURPOSE, repository="acme/MODELS", owner="x", ttl=1.0), 1) == token(
        PURPOSE, 1
    )
    assert token(PURPOSE, 1).isascii()
    assert len(token(PURPOSE, 1)) == 64


def test_tags_hold_what_they_can_and_the_repository_as_it_is() -> None:
    tags = tags_of(dataclasses.replace(PURPOSE, owner="dependabot[bot]", pull="", queue_id="q" * 300), 3)
    assert tags[REPOSITORY] == "acme/models"
    assert tags[OWNER] == "dependabot-bot-"
    assert tags[TTL] == "14400"
    assert "runner:pull" not in tags
    assert max(map(len, tags.values())) == 256
    assert search_tags(PURPOSE).items() <= tags.items()


def alive(**changes: Any) -> Instance:
    made = Instance(id="i-1", state="running", launched=NOW - 3600, tags=tags_of(PURPOSE, 1))
    return dataclasses.replace(made, **changes)


LIVE = {PURPOSE.run_id: RunFacts(is_over=False, generation=1, holder="i-1")}


def reasons(instance: Instance, runs: dict[str, RunFacts], repository: str = "acme/models") -> list[str]:
    return [one.why for one in orphans([instance], runs, repository=repository, now=NOW)]


def test_the_machine_of_a_live_run_stays() -> None:
    assert reasons(alive(), LIVE) == []
    assert reasons(alive(), {PURPOSE.run_id: RunFacts(is_over=False, generation=1)}) == []


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        ({}, "is unknown"),
        ({PURPOSE.run_id: RunFacts(is_over=True, generation=1, holder="i-1")}, "its run is over"),
        (
            {PURPOSE.run_id: RunFacts(is_over=False, generation=2)},
            "generation 2 of its run goes on elsewhere",
        ),
        ({PURPOSE.run_id: RunFacts(is_over=False, generation=1, holder="i-2")}, "i-2 has its run"),
    ],
)
def test_a_machine_without_a_live_run_of_its_own_is_ended(runs: dict[str, RunFacts], why: str) -> None:
    (said,) = reasons(alive(), runs)
    assert why in said
    assert reasons(alive(launched=NOW - YOUNG + 1), runs) == [], "it is younger than 15 minutes"
    assert reasons(alive(state="shutting-down"), runs) == []
    assert reasons(alive(state="stopped"), runs) == [said]
    assert reasons(alive(), runs, repository="acme/other") == [], "another repository's"


def test_a_machine_past_its_time_is_ended_though_its_run_lives() -> None:
    assert reasons(alive(launched=NOW - PURPOSE.ttl - 60), LIVE) == []
    assert reasons(alive(launched=NOW - PURPOSE.ttl - 301), LIVE) == ["it is past its 4h (`ttl`)"]
    assert reasons(alive(tags={}, launched=0.0), {}) == [], "not one of ours"
