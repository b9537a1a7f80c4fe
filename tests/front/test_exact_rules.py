"""The exact rules of the language that are decided before anything runs, each with a test named after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.model import Git
from runner.plan import make, to_json
from runner.prepare import Prepared, prepare
from runner.problems import Severity


def prepared(text: str, **options: Any) -> Prepared:
    return prepare(
        "-", checkout=Path(__file__).parents[1] / "examples", git=Git(), now="", stdin=text.encode(),
        **{"environ": {}, **options},
    )  # fmt: skip


def found(text: str, **options: Any) -> list[tuple[Severity, str]]:
    return [(problem.severity, problem.rule) for problem in prepared(text, **options).problems]


def jobs(*lines: str, head: str = "") -> str:
    return head + "jobs:\n" + "".join(f"  - {{command: x, {line}}}\n" for line in lines)


ERROR, WARNING = Severity.ERROR, Severity.WARNING


def test_graph_dependencies_and_handler_edges_are_acyclic() -> None:
    assert found(jobs("job_id: a, depends_on: [b]", "job_id: b, depends_on: [a]")) == [(ERROR, "cycle")]
    assert found(jobs("job_id: a, on_failure: h", "job_id: h, on_failure: a")) == [(ERROR, "handler-cycle")]
    assert found(jobs("job_id: a, on_failure: h", "job_id: h, depends_on: [a]")) == []


def test_graph_no_handler_is_an_ancestor_of_the_job_that_names_it() -> None:
    text = jobs("job_id: h", "job_id: a, depends_on: [h]", "job_id: b, depends_on: [a], on_failure: h")
    assert found(text) == [(ERROR, "handler-cycle")]


def test_when_reads_an_ancestor_or_a_job_that_names_this_handler() -> None:
    reads = "when: \"jobs['a'].outputs.x\""
    assert found(jobs("job_id: a", f"job_id: b, {reads}")) == [(ERROR, "unordered-read")]
    assert (
        found(jobs("job_id: a", "job_id: m, depends_on: [a]", f"job_id: b, depends_on: [m], {reads}")) == []
    )
    assert found(jobs("job_id: a, on_failure: b", f"job_id: b, {reads}")) == []


def test_two_jobs_with_one_result_path_are_a_warning() -> None:
    text = jobs("job_id: a, result_files: [out]", "job_id: b, result_files: [./out]")
    assert found(text) == [(WARNING, "shared-result")]


def test_an_unset_name_is_a_warning_and_never_an_empty_text() -> None:
    text = jobs("job_id: a, environment: {A: '${NOWHERE}'}")
    assert found(text) == [(WARNING, "unset-variable")]
    assert found(text, environ={"NOWHERE": "x"}) == []
    queue = prepared(text).queue
    assert queue is not None
    assert queue.jobs[0].environment == {"A": "${NOWHERE}"}


def test_a_timeout_beyond_the_queues_own_ttl_is_an_error() -> None:
    text = jobs("job_id: a, timeout: 5h", head="machine: {provider: ec2, ttl: 4h}\n")
    assert (ERROR, "timeout-too-long") in found(text)


def test_a_timeout_beyond_the_configured_ttl_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github/runner.yaml").write_text("machine: {provider: ec2, ttl: 4h}\n")
    text = jobs("job_id: a, timeout: 5h").encode()
    made = prepare("-", checkout=tmp_path, environ={}, git=Git(), now="", stdin=text)
    assert (WARNING, "timeout-too-long") in [(p.severity, p.rule) for p in made.problems]
    assert not made.has_errors


def test_a_timeout_beyond_that_of_the_queue_is_an_error() -> None:
    assert found(jobs("job_id: a, timeout: 2h", head="timeout: 1h\n")) == [(ERROR, "timeout-too-long")]


def test_an_s3_destination_without_aws_is_a_warning() -> None:
    assert found(jobs("job_id: a", head="results: s3://b/p\n")) == [(WARNING, "destination")]


@pytest.mark.parametrize("value", ["1.10", "1.0", "true"])
def test_a_float_or_boolean_in_the_environment_is_an_error_that_says_to_quote_it(value: str) -> None:
    made = prepared(jobs(f"job_id: a, environment: {{A: {value}}}"))
    assert [problem.severity for problem in made.problems] == [ERROR]
    assert made.problems[0].hint.startswith("quote it")


def test_the_plan_keeps_the_name_and_never_the_value() -> None:
    text = jobs("job_id: a, environment: {A: '${SECRET_VALUE}'}, secrets: {B: 'env:SECRET_VALUE'}")
    queue = prepared(text, environ={"SECRET_VALUE": "hunter2"}).queue
    assert queue is not None
    written = to_json(make(queue, source="-", git=Git()))
    assert b"hunter2" not in written
    assert b"${SECRET_VALUE}" in written


def test_yaml_is_1_2_and_a_file_holds_one_document() -> None:
    made = prepared("queue_name: on\n" + jobs("job_id: yes, description: no")).queue
    assert made is not None
    assert (made.queue_name, made.jobs[0].job_id, made.jobs[0].description) == ("on", "yes", "no")
    assert found("queue_id: a\n---\n" + jobs("job_id: a")) == [(ERROR, "documents")]


def test_an_unknown_field_is_an_error_with_the_nearest_name_as_a_hint() -> None:
    made = prepared(jobs("job_id: a, retry_cout: 3"))
    assert [(p.rule, p.hint) for p in made.problems] == [("unknown-field", "did you mean `retry_count`?")]


def test_the_canonical_name_and_its_alias_in_one_job_is_an_error() -> None:
    assert found(jobs("job_id: a, env: {A: b}, environment: {A: b}")) == [(ERROR, "aliases")]
    assert found(jobs("job_id: a, env: {A: b}", "job_id: b, environment: {A: b}")) == []
