"""What a plan says of the machine that is launched for its queue."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import plan as plans
from runner.canonical.machine import architecture_of, cpus_of, ttl_of
from runner.model import Machine, Queue
from runner.plan import Preview
from runner.report import plan_machine
from runner.report.plan_json import plan_json
from runner.report.plan_markdown import plan_markdown
from runner.report.plan_text import plan_text
from tests.builders import job, queue
from tests.plan_examples import preview


def on_ec2(**options: Any) -> Queue:
    jobs = (
        job("fetch", timeout=60.0, result_files=("raw",)),
        job("clean", "fetch", timeout=60.0),
        job("train", "clean", timeout=60.0),
        job("tell", "train", timeout=60.0),
    )
    return queue(*jobs, machine=Machine(provider="ec2", options=options))


def shown(**options: Any) -> Preview:
    return preview(on_ec2(**options))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "EC2 m7i.large, on-demand, 4h at most, Ubuntu 24.04"),
        (
            {"type": "c7g.large", "fallback": ["c6g.large", "m7g.large"], "spot": True, "ttl": "90m"},
            "EC2 c7g.large (else c6g.large, m7g.large), spot then on-demand, 1h30m at most, Ubuntu 24.04",
        ),
        (
            {"region": "eu-north-1", "disk": "200GB", "user": "ubuntu", "ami": "ami-0abc", "spot": "false"},
            "EC2 m7i.large, on-demand, eu-north-1, 4h at most, ami-0abc, 200 GB disk, jobs as ubuntu",
        ),
        ({"spot": "True"}, "EC2 m7i.large, spot then on-demand, 4h at most, Ubuntu 24.04"),
        (
            {"fallback": [f"m{n}i.large" for n in range(1, 7)]},
            (
                "EC2 m7i.large (else m1i.large, m2i.large, m3i.large, m4i.large and 2 more types), "
                "on-demand, 4h at most, Ubuntu 24.04"
            ),
        ),
        ({"ttl": "${{ git.sha }}"}, "EC2 m7i.large, on-demand, ${{ git.sha }} at most, Ubuntu 24.04"),
    ],
)
def test_the_machine_in_words(options: dict[str, Any], words: str) -> None:
    assert plan_machine.machine(shown(**options)) == words


def test_a_queue_that_runs_here_has_none() -> None:
    made = preview(queue(job("a"), job("b", "a")))
    assert (plan_machine.machine(made), plan_machine.again(made)) == ("", "")
    assert "machine" not in plan_text(made)


def test_what_the_loss_of_the_machine_would_mean() -> None:
    made = shown()
    assert made.facts.runs_again == ("clean", "train")
    assert plan_machine.again(made, shown=1) == (
        "clean and 1 more would run again: they declare no results, and other jobs go on from what they leave"
    )
    assert shown(on_new_machine="keep").facts.runs_again == ()
    assert json.loads(plan_json(made))["runs_again"] == ["clean", "train"]


def test_text_and_markdown_say_both() -> None:
    made = shown(type="m7i.large", region="us-east-1")
    text = plan_text(made)
    assert "\nmachine EC2 m7i.large, on-demand, us-east-1, 4h at most, Ubuntu 24.04\n" in text
    assert "\nmachine lost   clean, train would run again: they declare no results," in text
    markdown = plan_markdown(made)
    assert "- Machine: EC2 `m7i.large`, on-demand, `us-east-1`, 4h at most, Ubuntu 24.04\n" in markdown
    assert "- If the machine is lost: `clean`, `train` would run again: they declare no results," in markdown


def test_its_processors_bound_the_time() -> None:
    jobs = [job(f"j{number}", timeout=60.0) for number in range(8)]

    def seconds(**options: Any) -> float | None:
        made = queue(*jobs, machine=Machine(provider="ec2", options=options))
        return plans.analyse(made, slots=64).bound.seconds

    one_at_a_time, two, eight = seconds(type="m7i.metal-24xl"), seconds(), seconds(type="m7i.2xlarge")
    assert one_at_a_time is not None
    assert two is not None
    assert eight is not None
    assert one_at_a_time > two > eight
    assert seconds(type="m7i.2xlarge", fallback=["m7i.large"]) == two


def test_its_end_bounds_the_time_where_nothing_else_does() -> None:
    made = queue(job("a"), machine=Machine(provider="ec2", options={"ttl": "2h"}))
    (said,) = plans.analyse(made).warnings
    assert said.startswith("Only its machine's end, after 2h, bounds the time of this run: a is without")


@pytest.mark.parametrize(
    ("type_", "cpus", "architecture"),
    [
        ("m7i.large", 2, "x86_64"),
        ("m7g.xlarge", 4, "arm64"),
        ("c8gd.2xlarge", 8, "arm64"),
        ("u-6tb1.56xlarge", 224, "x86_64"),
        ("t4g.medium", None, "arm64"),
        ("m7i.metal-24xl", None, "x86_64"),
        ("hpc7a.96xlarge", None, "x86_64"),
        ("large", None, "x86_64"),
        ("g5.xlarge", 4, "x86_64"),
        ("g5g.xlarge", 4, "arm64"),
    ],
)
def test_what_the_name_of_a_type_says(type_: str, cpus: int | None, architecture: str) -> None:
    assert (cpus_of([type_]), architecture_of(type_)) == (cpus, architecture)


_NAMES = st.sampled_from(
    ["type", "fallback", "spot", "ttl", "disk", "ami", "region", "user", "on_new_machine"]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(options=st.dictionaries(_NAMES, _VALUES))
def test_a_plan_of_a_stranger_is_shown_whatever_it_says(options: dict[str, Any]) -> None:
    made = shown(**options)
    assert ttl_of(made.plan.queue.machine) >= 0
    assert plan_text(made)
    assert plan_markdown(made)
    assert plan_json(made)
