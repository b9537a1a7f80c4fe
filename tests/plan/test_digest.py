"""The digest: changes with everything that decides what runs, and with nothing else."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest

from runner import plan as plans
from runner.model import Git, Job, Machine, Queue, Retry
from runner.plan.digest import digest_of
from runner.problems import Route
from tests.builders import job, queue
from tests.plan_examples import complex_pipeline

BASE = queue(job("a", environment={"X": "1", "HOME_OF": "${HOME}"}), job("b", "a"), job("c"))

_OTHER_JOB: dict[str, Any] = {
    "job_id": "z",
    "command": "false",
    "shell": ("/bin/sh", "-c"),
    "depends_on": ("c",),
    "timeout": 5.0,
    "kill_grace": 5.0,
    "retry": Retry(count=1),
    "environment": {"X": "2"},
    "secrets": {"S": "env:S"},
    "working_directory": "sub",
    "result_files": ("out",),
    "result_required": True,
    "result_when": "always",
    "always_run": True,
    "on_failure": "b",
    "allow_failure": True,
    "when": "params.x",
    "when_gates": True,
    "deferred": ("command",),
    "reads": ("c",),
    "priority": 1,
    "keep_processes": True,
}
_OTHER_QUEUE: dict[str, Any] = {
    "queue_id": "other",
    "timeout": 1.0,
    "cleanup_timeout": 1.0,
    "on_failure": "continue",
    "max_parallel": 1,
    "machine": Machine(provider="ec2", options={"type": "m7i.large"}),
    "results": "s3://bucket/prefix",
    "params": {"x": 1},
    "run_on": "manual",
    "schedule": ("0 3 * * *",),
    "concurrency_group": "deploy",
    "concurrency_policy": "cancel",
}


def digest(made: Queue, version: str = "0.1.0", **more: Any) -> str:
    return digest_of(made, runner_version=version, **more)


def with_job(**changes: Any) -> Queue:
    last = BASE.jobs[-1]
    parents = changes.get("depends_on", ())
    # A job that waits for itself is no queue: the one that takes part is a plain `c` before it.
    extra = (job("c"),) if "c" in parents else ()
    return replace(BASE, jobs=(*BASE.jobs[:-1], *extra, replace(last, **changes)))


def test_it_is_a_sha256() -> None:
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest(BASE))


@pytest.mark.parametrize("name", [f.name for f in fields(Job) if f.name != "description"])
def test_every_field_of_a_job_counts(name: str) -> None:
    assert digest(with_job(**{name: _OTHER_JOB[name]})) != digest(BASE)


@pytest.mark.parametrize(
    "name", [f.name for f in fields(Queue) if f.name not in {"queue_name", "jobs", "unsupported", "refused"}]
)
def test_every_field_of_a_queue_counts(name: str) -> None:
    assert digest(replace(BASE, **{name: _OTHER_QUEUE[name]})) != digest(BASE)


def test_the_version_of_the_runner_counts() -> None:
    assert digest(BASE, "0.2.0") != digest(BASE)


def test_the_order_of_the_jobs_counts_since_ties_go_by_it() -> None:
    assert digest(replace(BASE, jobs=(BASE.jobs[2], *BASE.jobs[:2]))) != digest(BASE)


def test_what_only_people_read_does_not_count() -> None:
    renamed = replace(with_job(description="the last one"), queue_name="other", unsupported=("no notify",))
    assert digest(renamed) == digest(BASE)


def test_the_order_of_names_does_not_count() -> None:
    one = queue(
        job("a", environment={"X": "1", "Y": "2"}), job("b"), job("c", "a", "b"), params={"p": 1, "q": 2}
    )
    two = queue(
        job("a", environment={"Y": "2", "X": "1"}), job("b"), job("c", "b", "a"), params={"q": 2, "p": 1}
    )
    assert digest(one) == digest(two)


def test_making_it_changes_nothing() -> None:
    made = queue(job("a", "b", environment={"X": "1"}, secrets={"S": "env:S"}), job("b"))
    before = repr(made)
    digest(made, volatile={("jobs", 0, "environment", "X"): "${{ now }}"})
    assert repr(made) == before


def rendered(sha: str) -> Queue:
    return queue(
        job("a", command=f"build {sha}", environment={"SHA": sha, "X": "1"}, retries=2),
        job("b", "a", command=("deploy", sha), environment={"SHA": sha}, result_files=("x", f"out/{sha}")),
        job("c", "a", environment={"SHA": "literal"}),
        results=f"s3://bucket/{sha}",
        machine=Machine(provider="ec2", options={"type": "m7i", "disk": sha}),
    )


RAW = "${{ git.sha }}"
EVERYWHERE: dict[Route, str] = {
    ("jobs", 0, "command"): f"build {RAW}",
    ("jobs", 0, "env", "SHA"): RAW,
    ("jobs", 1, "command", 1): RAW,
    ("defaults", "environment", "SHA"): RAW,
    ("jobs", 1, "result_paths", 1): f"out/{RAW}",
    ("result_s3_prefix",): RAW,
    ("machine", "disk"): RAW,
    ("queue_name",): RAW,
    ("x-anchors", "sha"): RAW,
}
TREE = {
    "defaults": {"environment": {"SHA": "…"}},
    "result_s3_bucket": "bucket",
    "jobs": [{"env": {"SHA": "…", "X": "1"}}, {}, {"environment": {"SHA": "literal"}}],
}


def test_what_is_read_from_git_stays_symbolic() -> None:
    one, two = (digest(rendered(sha), volatile=EVERYWHERE, tree=TREE) for sha in ("aaa", "bbb"))
    assert one == two


def test_the_raw_text_counts() -> None:
    other = EVERYWHERE | {("jobs", 0, "command"): f"destroy {RAW}"}
    assert digest(rendered("a"), volatile=other, tree=TREE) != digest(
        rendered("a"), volatile=EVERYWHERE, tree=TREE
    )


def test_a_default_does_not_hide_what_a_job_says_itself() -> None:
    changed = rendered("a")
    last = replace(changed.jobs[2], environment={"SHA": "another literal"})
    changed = replace(changed, jobs=(*changed.jobs[:2], last))
    assert digest(changed, volatile=EVERYWHERE, tree=TREE) != digest(
        rendered("a"), volatile=EVERYWHERE, tree=TREE
    )


def test_the_bucket_counts_where_only_the_prefix_is_symbolic() -> None:
    elsewhere = TREE | {"result_s3_bucket": "elsewhere"}
    assert digest(rendered("a"), volatile=EVERYWHERE, tree=elsewhere) != digest(
        rendered("a"), volatile=EVERYWHERE, tree=TREE
    )


@pytest.mark.parametrize(
    ("route", "one", "two"),
    [
        (("jobs", 0, "retry_count"), {"retry": Retry(count=1)}, {"retry": Retry(count=2)}),
        (("jobs", 0, "retry", "max_attempts"), {"retry": Retry(count=1)}, {"retry": Retry(count=2)}),
        (
            ("jobs", 0, "retry_delay"),
            {"retry": Retry(count=1, delay=2.0)},
            {"retry": Retry(count=1, delay=3.0)},
        ),
        (("jobs", 0, "timeout"), {"timeout": 1.0}, {"timeout": 2.0}),
        (("jobs", 0, "working_directory"), {"working_directory": ""}, {"working_directory": "x"}),
        (("defaults", "timeout"), {"timeout": 1.0}, {"timeout": 2.0}),
        (("defaults", "retry_count"), {"retry": Retry(count=1)}, {"retry": Retry(count=2)}),
        (("defaults", "on_failure"), {"on_failure": "b"}, {"on_failure": "c"}),
    ],
)
def test_routes_find_their_place(route: Route, one: dict[str, Any], two: dict[str, Any]) -> None:
    def made(changes: dict[str, Any]) -> str:
        told = queue(
            replace(job("a"), **changes), job("b", retries=9, timeout=9.0), job("c", retries=9, timeout=9.0)
        )
        own = {"retry": {}, "timeout": 9}
        tree = {"jobs": [{}, own, own]}
        return digest(told, volatile={route: "${{ now }}"}, tree=tree)

    assert made(one) == made(two)


def test_a_leaf_without_a_place_refuses_too_much_rather_than_too_little() -> None:
    volatile: dict[Route, str] = {("jobs", 0, "result_files", 7): RAW}
    made = queue(job("a"))
    assert digest(made, volatile=volatile) != digest(made)
    assert digest(queue(job("a", command="other")), volatile=volatile) != digest(made, volatile=volatile)


def test_make_puts_it_into_the_plan() -> None:
    made = plans.make(complex_pipeline(), source="q.yaml", git=Git(sha="a" * 40))
    assert made.digest == digest(complex_pipeline(), made.runner_version)
    assert (made.source, made.git.sha, made.queue) == ("q.yaml", "a" * 40, complex_pipeline())
