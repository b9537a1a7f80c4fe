"""plan.json: exact both ways, readable for ever, never a surprise for whoever reads a stranger's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from runner.errors import PlanError
from runner.model import Git, Plan, Queue, Retry, Strategy
from runner.plan import from_json, to_json
from tests.builders import job, many, plan, queue
from tests.measuring import at_most
from tests.plan_examples import any_plan, cleanup_pipeline, complex_pipeline

EXAMPLES = Path(__file__).parents[1] / "examples" / "plan"


@given(made=any_plan())
@pytest.mark.slow
def test_a_plan_survives_its_file(made: Plan) -> None:
    assert from_json(to_json(made)) == made


def test_text_that_no_encoding_has_survives() -> None:
    made = plan(queue(job("a", command="echo \ud800 \x00 é 🎈")))
    assert from_json(to_json(made)) == made


def test_the_file_is_ascii_and_leaves_defaults_out() -> None:
    raw = to_json(plan(queue(job("a", command="echo é"))))
    assert raw.isascii()
    assert json.loads(raw)["queue"]["jobs"] == [{"job_id": "a", "command": "echo é"}]


def test_version_1_says_the_same_for_ever() -> None:
    """The file is never written again: a changed default would change what an old plan means."""
    read = from_json((EXAMPLES / "v1.json").read_bytes())
    assert read.queue.cleanup_timeout == 600.0
    assert read.queue.on_failure == "stop"
    assert (read.queue.run_on, read.queue.schedule) == ("merge", ())
    assert (read.queue.concurrency_group, read.queue.concurrency_policy) == ("", "wait")
    first, second = read.queue.jobs
    assert first.shell == ("/bin/bash", "-c")
    assert first.kill_grace == 10.0
    assert (first.result_when, first.timeout, first.working_directory) == ("success", None, "")
    assert first.retry == Retry(
        count=0, strategy=Strategy.EXPONENTIAL, delay=1.0, max_delay=300.0, jitter=0.5
    )
    assert first.retry.on == {"exit", "timeout", "oom", "lost"}
    assert second.retry == Retry(count=3, strategy=Strategy.FIXED, delay=30.0, codes=(1, 2))
    assert second.command == ("make", "test")
    assert (second.depends_on, second.on_failure, second.always_run) == (("first",), None, True)
    assert read.git == Git(sha="abc", branch="main")


@pytest.mark.parametrize("made", [complex_pipeline(), cleanup_pipeline()], ids=lambda made: made.queue_id)
def test_the_file_is_what_its_schema_says(made: Queue) -> None:
    schema = json.loads((Path(__file__).parents[2] / "schemas" / "plan.schema.json").read_text())
    form = json.loads(to_json(plan(made)))
    validator = Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(form)] == []
    form["queue"]["jobs"][0]["timeout"] = "30m"
    assert not validator.is_valid(form)


def test_fields_of_a_newer_runner_are_ignored() -> None:
    form = json.loads(to_json(plan(complex_pipeline())))
    form["later"] = form["queue"]["later"] = form["queue"]["jobs"][0]["later"] = {"x": 1}
    assert from_json(json.dumps(form).encode()) == plan(complex_pipeline())


def test_a_newer_version_is_refused_with_a_sentence() -> None:
    form = json.loads(to_json(plan(complex_pipeline()))) | {"version": 2}
    with pytest.raises(PlanError) as caught:
        from_json(json.dumps(form).encode())
    assert caught.value.message == "plan.json has version 2; this runner reads versions up to 1"
    assert "upgrade" in caught.value.hint


def _broken(**changes: object) -> bytes:
    form = json.loads(to_json(plan(queue(job("a"), job("b", "a")))))
    form["queue"]["jobs"][0] |= changes.pop("job", {})
    form["queue"] |= changes.pop("queue", {})
    return json.dumps(form | changes).encode()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "Expecting value"),
        (b"[]", "an object was expected"),
        (b"\xff", "utf-8"),
        (b"[" * 100_000, "recursion"),
        (b'{"version": true}', "no version"),
        (b'{"version": 0}', "no version"),
        (b'{"version": 1}', "digest is missing"),
        (_broken(digest=1), "a text was expected"),
        (_broken(queue={"jobs": {}}), "jobs: a list of jobs was expected"),
        (_broken(queue={"jobs": [{"job_id": "a"}]}), "'command'"),
        (_broken(queue={"jobs": [{"job_id": "a", "command": "x"}] * 2}), "two jobs have one id"),
        (_broken(job={"depends_on": ["c"]}), "c is missing"),
        (_broken(job={"depends_on": ["b"]}), "circle"),
        (_broken(job={"depends_on": "b"}), "depends_on: a list of texts"),
        (_broken(job={"timeout": "1h"}), "timeout: a number"),
        (_broken(job={"timeout": True}), "timeout: a number"),
        (_broken(job={"always_run": 1}), "always_run: true or false"),
        (_broken(job={"environment": {"A": 1}}), "environment: an object of texts"),
        (_broken(job={"retry": {"strategy": "never"}}), "'never' is not a valid Strategy"),
        (_broken(job={"retry": {"count": 1.5}}), "count: a whole number"),
        (_broken(job={"retry": {"codes": "1"}}), "codes: a list of exit codes"),
        (_broken(queue={"max_parallel": "2"}), "max_parallel: a whole number"),
    ],
)
def test_what_is_no_plan_is_refused_with_a_sentence(raw: bytes, says: str) -> None:
    with pytest.raises(PlanError) as caught:
        from_json(raw)
    assert caught.value.message.startswith("plan.json is not a plan: ")
    assert says in caught.value.message


def test_ten_thousand_jobs_are_read_and_written_quickly() -> None:
    jobs = (replace(j, timeout=60.0, retry=Retry(count=2), environment={"A": "b"}) for j in many(10_000).jobs)
    made = plan(Queue(queue_id="big", queue_name="big", jobs=tuple(jobs)))
    with at_most(yards=30):
        raw = to_json(made)
    with at_most(yards=30):
        assert len(from_json(raw).queue.jobs) == 10_000
