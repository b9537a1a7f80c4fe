"""`when` and deferred fields: what they read, and what they give once their job is due."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.expressions import Answer, JobView, Request, answer, condition, truth
from runner.model import Git, Outcome
from runner.templating.values import TemplateError

JOBS = {
    "build": JobView(
        status="succeeded",
        exit_code=0,
        outputs={"size": "3", "items": "mine", "files": ["a b", "c"], "flag": "false"},
    ),
    "check-coverage": JobView(status="failed", exit_code=7),
}


def ask(**more: Any) -> Answer:
    given: dict[str, Any] = {"params": {"deploy": True, "n": 2}, "git": Git(branch="main"), "jobs": JOBS}
    return answer(Request(job_id="deploy", **{**given, **more}))


def when(text: str, **more: Any) -> bool:
    found = ask(when=text, **more)
    assert found.error == ""
    assert found.when is not None
    return found.when


def field(text: str, **more: Any) -> str:
    found = ask(fields={"command": text}, **more)
    assert (found.error, found.when) == ("", None)
    return found.values["command"]


class TestCondition:
    @pytest.mark.parametrize(
        ("text", "reads", "gates"),
        [
            ("params.deploy", set(), False),
            ("${{ params.deploy }}", set(), False),
            ("  ${{- params.deploy -}}  ", set(), False),
            ("jobs['a'].outputs.x == 'y'", {"a"}, False),
            ("jobs.a.outputs.x and jobs['b-c'].outputs['y z']", {"a", "b-c"}, False),
            ("jobs['a'].status == 'failed'", {"a"}, True),
            ("jobs['a']['exit_code'] > 2", {"a"}, True),
            ("params.deploy and not failed()", set(), True),
            ("always()", set(), True),
            ("succeeded() or jobs.a.outputs.x", {"a"}, True),
            ("git.branch == 'main'", set(), False),
            ("jobs.a.outputs.status == 'x'", {"a"}, False),
            ("true", set(), False),
        ],
    )
    def test_what_it_reads_and_whether_it_replaces_the_gate(
        self, text: str, reads: set[str], gates: bool
    ) -> None:
        found = condition(text)
        assert (found.problem, set(found.reads), found.gates) == ("", reads, gates)

    @pytest.mark.parametrize(
        ("text", "problem", "hint"),
        [
            ("", "`when` is empty", "leave the field out"),
            ("${{ }}", "cannot be read", ""),
            ("a b", "'b' is not expected here, in `a b`", ""),
            ("deploy", "`when` cannot read 'deploy'", "params"),
            ("parms.deploy", "`when` cannot read 'parms'", "params"),
            ("now > 3", "`when` cannot read 'now'", ""),
            ("${{ params.a }} and ${{ params.b }}", "`when` is not one expression", "as a whole"),
            ("x${{ params.a }}", "`when` is not one expression", ""),
            ("${% if true %}true${% endif %}", "`when` is not one expression", ""),
            ("${{ params.a", "${{ is never closed", ""),
            ("jobs.check-coverage.status == 'failed'", "because of its hyphen", "jobs['check-coverage']"),
            ("jobs.a", "jobs['a'] is a job", "status, exit_code, outputs"),
            ("jobs.a.output.x", "a job has no 'output'", "outputs"),
            ("jobs", "without a job id", "jobs['ID']"),
            ("jobs[params.a].status", "without a job id", "jobs['ID']"),
            ("failed", "failed is a function", "failed()"),
            ("suceeded()", "there is no function 'suceeded'", "succeeded()"),
            ("params.a | upperr", "there is no filter 'upperr'", "upper"),
        ],
    )
    def test_mistakes(self, text: str, problem: str, hint: str) -> None:
        found = condition(text)
        assert problem in found.problem
        assert hint in found.hint
        assert (found.reads, found.gates) == (frozenset(), False)

    @given(st.text())
    def test_any_text_is_a_condition_or_a_problem(self, text: str) -> None:
        found = condition(text)
        assert not (found.problem and found.reads)


class TestWhen:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("params.deploy", True),
            ("not params.deploy", False),
            ("params.deploy and jobs['check-coverage'].status == 'failed'", True),
            ("jobs['check-coverage'].exit_code == 7", True),
            ("jobs.build.outputs.size | int > 2", True),
            ("jobs.build.outputs.items == 'mine'", True),
            ("'c' in jobs.build.outputs.files", True),
            ("jobs.build.outputs.nothing is defined", False),
            ("git.branch == 'main'", True),
            ("params.n", True),
            ("params.n - 2", False),
            ("jobs.build.outputs.files", True),
        ],
    )
    def test_is_true_or_false(self, text: str, expected: bool) -> None:
        assert when(text) is expected
        assert when("${{ " + text + " }}") is expected

    def test_an_output_that_says_false_is_false(self) -> None:
        assert when("jobs.build.outputs.flag") is False

    @pytest.mark.parametrize(
        ("given", "expected"),
        [("true", True), ("false", False), ("", False), (0, False), ([], False), (None, False)],
    )
    def test_truth(self, given: Any, expected: bool) -> None:
        assert truth(given) is expected

    @pytest.mark.parametrize("given", ["False", "no", "0", "x"])
    def test_other_texts_are_neither(self, given: str) -> None:
        with pytest.raises(TemplateError, match="neither 'true' nor 'false'"):
            truth(given)

    def test_false_leaves_the_fields_alone(self) -> None:
        found = ask(when="false", fields={"command": "${{ jobs.build.outputs.nothing }}"})
        assert found == Answer(job_id="deploy", when=False)

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            (
                "jobs['build'].outputs.count",
                "when: jobs['build'].outputs has no 'count' (it has: files, flag, items, size)",
            ),
            ("jobs.other.status == 'x'", "when: jobs has no 'other' (it has: build, check-coverage)"),
            ("jobs.build.outputs.size > 2", "when: a string > an integer has no meaning"),
            ("params.nothing", "when: params has no 'nothing' (it has: deploy, n)"),
            ("1 / 0", "when: division by zero, in `1 / 0`"),
            ("(", "when: the template cannot be read"),
        ],
    )
    def test_an_error_is_a_sentence(self, text: str, error: str) -> None:
        found = ask(when=text, fields={"command": "x"})
        assert found.error.startswith(error)
        assert (found.when, found.values) == (None, {})


SUCCEEDED, HELD_BACK, OWN_WHEN = "succeeded", "held back", "own when"


def views(*statuses: str) -> dict[str, Any]:
    special = {
        HELD_BACK: JobView(status="skipped", held_back=True),
        OWN_WHEN: JobView(status="skipped"),
    }
    jobs = {f"j{n}": special.get(status, JobView(status=status)) for n, status in enumerate(statuses)}
    return {"jobs": jobs, "direct": tuple(jobs)}


class TestStatusFunctions:
    @pytest.mark.parametrize("status", ["succeeded", "reused", OWN_WHEN])
    def test_what_went_well(self, status: str) -> None:
        assert when("succeeded()", **views(SUCCEEDED, status)) is True
        assert when("failed()", **views(SUCCEEDED, status)) is False

    @pytest.mark.parametrize("status", ["failed", "timed_out", "out_of_memory", "lost"])
    def test_what_failed_for_good(self, status: str) -> None:
        assert when("succeeded()", **views(SUCCEEDED, status)) is False
        assert when("failed()", **views(SUCCEEDED, status)) is True

    @pytest.mark.parametrize("status", ["cancelled", HELD_BACK])
    def test_what_neither_succeeded_nor_failed(self, status: str) -> None:
        assert when("succeeded()", **views(SUCCEEDED, status)) is False
        assert when("failed()", **views(SUCCEEDED, status)) is False

    @pytest.mark.parametrize("outcome", list(Outcome))
    def test_always_is_always(self, outcome: Outcome) -> None:
        assert when("always()", **views(outcome)) is True

    def test_without_dependencies_nothing_failed(self) -> None:
        assert when("succeeded() and not failed()", jobs={}, direct=()) is True

    def test_only_direct_ones_count(self) -> None:
        assert when("succeeded()", jobs=JOBS, direct=("build",)) is True


class TestFields:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("run ${{ jobs.build.outputs.size }} ${{ params.n }}", "run 3 2"),
            ("${{ jobs['check-coverage'].exit_code }}", "7"),
            ("${{ jobs.build.outputs.files }}", '["a b", "c"]'),
            ("${{ jobs.build.outputs.files | q }}", "'a b' c"),
            ("${{ params.deploy }}", "true"),
            ("${{ jobs.build.outputs.x | default('none') }}", "none"),
            ("${{ git.branch }}", "main"),
            ("$${{ x }} ${{ 1 }}", "${{ x }} 1"),
            ("${% for f in jobs.build.outputs.files %}[${{ f }}]${% endfor %}", "[a b][c]"),
        ],
    )
    def test_are_texts(self, text: str, expected: str) -> None:
        assert field(text) == expected

    def test_an_output_is_never_evaluated_itself(self) -> None:
        jobs = {"a": JobView(status="succeeded", outputs={"x": "${{ params.n }}"})}
        assert field("${{ jobs.a.outputs.x }}", jobs=jobs) == "${{ params.n }}"

    @pytest.mark.parametrize("bad", ["a\0b", "\ud800"])
    def test_what_no_command_can_take_is_an_error(self, bad: str) -> None:
        jobs = {"a": JobView(status="succeeded", outputs={"x": bad})}
        found = ask(fields={"environment.A": "${{ jobs.a.outputs.x }}"}, jobs=jobs)
        assert found.error.startswith("environment.A: the value contains")

    def test_the_field_of_an_error_is_named(self) -> None:
        found = ask(fields={"command": "ok", "environment.A": "${{ jobs.build.outputs.sise }}"})
        assert found.error == (
            "environment.A: jobs.build.outputs has no 'sise' (it has: files, flag, items, size), "
            "in `jobs.build.outputs.sise` (did you mean 'size'?)"
        )

    def test_git_is_known_only_where_it_is_given(self) -> None:
        assert "no name 'git'" in ask(fields={"command": "${{ git.sha }}"}, git=None).error
