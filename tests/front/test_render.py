"""Rendering a document: what is evaluated, what is left, and what is said of each leaf."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.leaves import lay, leaves
from runner.model import Git
from runner.problems import Problem, Severity
from runner.render import Rendered, render
from runner.rendering import render_bounded
from tests.measuring import at_most

GIT = Git(sha="abc123", branch="feature/x y", pr="7", actor="ada")
PARAMS: dict[str, Any] = {"n": 3, "name": "Ada L", "list": ["a", "b c"], "on": True, "rate": 0.5}


def rendered(tree: Any, missing: frozenset[str] = frozenset(), **params: Any) -> Rendered:
    given = {**PARAMS, **params}
    result = render(tree, params=given, git=GIT, now="2026-01-02", missing=missing)
    assert result == render_bounded(tree, params=given, git=GIT, now="2026-01-02", missing=missing)
    return result


def value(text: Any, **params: Any) -> Any:
    result = rendered({"a": text}, **params)
    assert result.problems == []
    return result.tree["a"]


def job(**fields: Any) -> dict[str, Any]:
    return {"jobs": [{"job_id": "build", **fields}]}


def problem(tree: Any, missing: frozenset[str] = frozenset()) -> Problem:
    problems = rendered(tree, missing).problems
    assert len(problems) == 1, problems
    return problems[0]


class TestValues:
    def test_one_expression_keeps_its_type(self) -> None:
        assert value("${{ params.n }}") == 3
        assert value("${{ range(params.n) }}") == [0, 1, 2]
        assert value("${{ params.on }}") is True
        assert value("${{ {'a': [1, none]} }}") == {"a": [1, None]}

    def test_in_an_environment_everything_is_text(self) -> None:
        texts = {
            "A": "${{ params.rate }}",
            "B": "${{ params.on }}",
            "C": "${{ params.list }}",
            "D": "${{ params.n }}",
        }
        expected = {"A": "0.5", "B": "true", "C": '["a", "b c"]', "D": "3"}
        assert rendered(job(environment=texts)).tree["jobs"][0]["environment"] == expected
        assert rendered({"defaults": {"environment": texts}}).tree["defaults"]["environment"] == expected

    def test_with_text_around_it_it_is_text(self) -> None:
        assert value(" ${{ params.n }}") == " 3"
        assert value("1.${{ 10 }}") == "1.10"
        assert value("${{ params.n }}${{ params.n }}") == "33"

    def test_booleans_nulls_and_lists_read_as_in_yaml(self) -> None:
        assert value("${{ params.on }} ${{ none }} ${{ ['a', true] }}") == 'true null ["a", true]'

    def test_a_dollar_more_makes_it_literal(self) -> None:
        assert value("$${{ params.n }}") == "${{ params.n }}"
        assert value("$${% if %} ${{ params.n }} $${{# x #}}") == "${% if %} 3 ${{# x #}}"
        assert value("$$${{ x }}") == "$${{ x }}"
        assert value("${% if true %}$${{ x }}${% endif %}") == "${{ x }}"

    def test_what_shells_and_programs_use_stays(self) -> None:
        text = "${#array[@]} ${x%.*} ${HOME} $((1+2)) {{.Names}} {%s} '{# c #}' ${x:-{{}}"
        assert value(text) == text
        assert not list(leaves({"a": text}))

    def test_a_value_is_never_evaluated_again(self) -> None:
        assert value("${{ params.name }}", name="${{ 9 * 9 }}") == "${{ 9 * 9 }}"
        assert value("x${{ params.name }}", name="${% if %}") == "x${% if %}"

    def test_a_block_alone_on_its_line_leaves_no_line(self) -> None:
        text = "run \\\n${% for f in params.list %}\n  ${{ f | q }} \\\n${% endfor %}\n  --all\n"
        assert value(text) == "run \\\n  a \\\n  'b c' \\\n  --all\n"

    def test_attributes_are_keys(self) -> None:
        assert value("${{ params.o.items }}", o={"items": "mine"}) == "mine"

    def test_git_and_now_are_known(self) -> None:
        assert value("${{ git.sha }} ${{ git.branch | q }} ${{ git.pr }} ${{ git.actor }}") == (
            "abc123 'feature/x y' 7 ada"
        )
        assert value("${{ now }}") == "2026-01-02"


class TestTree:
    def test_the_given_tree_is_not_modified_and_the_rest_is_shared(self) -> None:
        shared = {"k": "v"}
        tree = {"jobs": [{"command": "${{ params.n }}", "environment": shared}], "x-a": shared}
        before = copy.deepcopy(tree)
        result = rendered(tree)
        assert tree == before
        assert result.tree["jobs"][0] == {"command": 3, "environment": {"k": "v"}}
        assert result.tree["x-a"] is shared

    def test_an_anchor_used_twice_is_rendered_twice(self) -> None:
        shared = {"A": "${{ params.n }}"}
        result = rendered({"jobs": [{"environment": shared}, {"environment": shared}]})
        assert [made["environment"] for made in result.tree["jobs"]] == [{"A": "3"}, {"A": "3"}]
        assert shared == {"A": "${{ params.n }}"}

    def test_a_home_for_anchors_is_left_alone(self) -> None:
        tree = {"x-common": {"A": "${{ nonsense( }}"}, "x-text": "${{ nonsense( }}"}
        assert rendered(tree).tree is tree
        assert not list(leaves(tree))

    @pytest.mark.parametrize("tree", [None, 5, "text", [], {}, {"jobs": 5}, {"jobs": [5, None]}])
    def test_any_tree_will_do(self, tree: Any) -> None:
        assert rendered(tree).tree is tree

    @given(
        st.recursive(
            st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
        )
    )
    @settings(max_examples=60, deadline=None)
    def test_laying_the_same_values_in_changes_nothing(self, tree: Any) -> None:
        routes = dict(_leaves_of(tree, ()))
        assert lay(tree, routes) == tree


def _leaves_of(tree: Any, route: tuple[Any, ...]) -> Any:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    if children is None:
        yield route, tree
    for key, child in children or ():
        yield from _leaves_of(child, (*route, key))


class TestDeferred:
    def test_what_reads_jobs_is_left_with_the_ids_it_reads(self) -> None:
        tree = job(command="a ${{ jobs.x.outputs.y | q }} ${{ jobs['b-c'].status }} ${{ params.n }}")
        result = rendered(tree)
        assert result.tree is tree
        assert result.deferred == {("jobs", 0, "command"): frozenset({"x", "b-c"})}
        assert result.problems == []

    def test_item_and_index_too_where_there_is_foreach(self) -> None:
        tree = job(foreach="${{ range(2) }}", environment={"I": "${{ item }}", "J": "${{ index }}"})
        assert set(rendered(tree).deferred) == {
            ("jobs", 0, "environment", "I"),
            ("jobs", 0, "environment", "J"),
        }
        assert "only in a job with `foreach`" in problem(job(environment={"I": "${{ item }}"})).message

    def test_git_beside_jobs_is_left_too(self) -> None:
        result = rendered(job(environment={"A": "${{ git.sha }} ${{ jobs.x.status }}"}))
        assert set(result.deferred) == {("jobs", 0, "environment", "A")}
        assert result.volatile == {}

    def test_now_beside_jobs_cannot_be(self) -> None:
        found = problem(job(environment={"A": "${{ now }} ${{ jobs.x.status }}"}))
        assert "`now`" in found.message

    def test_mistakes_in_them_are_found_now(self) -> None:
        found = problem(job(environment={"A": "${{ jobs.x.status }} ${{ params.nam }}"}))
        assert (found.rule, found.hint) == ("undefined", "did you mean 'name'?")
        found = problem(job(environment={"A": "${{ jobs.x.status }} ${{ foo }}"}))
        assert found.message == "there is no name 'foo'"

    def test_matrix_is_left_where_there_is_one(self) -> None:
        tree = job(
            matrix={"os": ["a"], "include": [{"cpu": 1}]},
            environment={"A": "${{ matrix.os }}${{ matrix.cpu }}"},
        )
        assert rendered(tree).tree is tree
        assert rendered(tree).problems == []
        tree = job(matrix={"os": ["a"]}, environment={"A": "${{ matrix.oss }}"})
        assert problem(tree).hint == "did you mean 'os'?"
        assert "only in a job with a `matrix`" in problem(job(environment={"A": "${{ matrix.os }}"})).message

    def test_a_param_without_value_leaves_its_leaf(self) -> None:
        tree = {
            "a": "${{ params.key }}",
            "b": "${{ params.key | default('x') }}",
            "c": "${{ params | length }}",
        }
        result = rendered(tree, frozenset({"key"}))
        assert (result.tree, result.problems) == (tree, [])


class TestVolatile:
    def test_what_reads_git_or_now_is_kept_as_written(self) -> None:
        tree = {"a": "${{ git.sha }}", "b": "v${{ now }}", "c": "${{ params.n }}"}
        result = rendered(tree)
        assert result.tree == {"a": "abc123", "b": "v2026-01-02", "c": 3}
        assert result.volatile == {("a",): "${{ git.sha }}", ("b",): "v${{ now }}"}


class TestWhen:
    @pytest.mark.parametrize(
        "text", ["params.on", "${{ params.on and jobs['a'].status == 'failed' }}", "always()"]
    )
    def test_stays_as_written(self, text: str) -> None:
        for tree in (job(when=text), {"defaults": {"when": text}}):
            assert list(leaves(tree))
            assert (rendered(tree).tree, rendered(tree).problems) == (tree, [])
            assert rendered(tree).deferred == {}

    def test_is_checked(self) -> None:
        assert problem(job(when="params.o")).hint == "did you mean 'on'?"
        assert problem(job(when="jobs.a")).route == ("jobs", 0, "when")
        assert "cannot be read" in problem(job(when="a b")).message

    def test_elsewhere_it_is_a_value(self) -> None:
        assert rendered(job(environment={"when": "${{ params.n }}"})).tree == job(environment={"when": "3"})

    def test_a_boolean_is_no_text(self) -> None:
        assert not list(leaves(job(when=True)))


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "rule", "message", "hint"),
        [
            (
                "${{ params.nme }}",
                "undefined",
                "params has no 'nme' (it has: list, n, name, on, rate)",
                "'name'",
            ),
            ("${{ name }}", "undefined", "there is no name 'name'", "params.name"),
            ("${{ gti.sha }}", "undefined", "there is no name 'gti'", "git"),
            ("${{ 1 / 0 }}", "template", "division by zero", ""),
            ("${{ params.name + 1 }}", "template", "a string + an integer", "a ~ b"),
            ("${{ params.name | qq }}", "template", "there is no filter 'qq'", "q"),
            ("${{ params.n is evne }}", "template", "there is no test 'evne'", "even"),
            ("${{ rnage(3) }}", "template", "there is no function 'rnage'", "range()"),
            ("${{ params.n n }}", "template", "'n' is not expected here", ""),
            ("${{ params.n", "template", "${{ is never closed", "$${{"),
            ("${{ 'a }}", "template", "never closed", ""),
            ("${% if true %}", "template", "cannot be read", ""),
            ("${% if true", "template", "${% is never closed", "%}"),
            ("${% include 'x' %}", "template", "'include' is not part", "if, for and set"),
            ("${{ jobs.check-coverage.status }}", "template", "subtraction", "jobs['check-coverage']"),
            ("${{ jobs.a-b-c.outputs.x | q }}", "template", "subtraction", "jobs['a-b-c']"),
            ("${{ jobs.stage-1.status }}", "template", "subtraction", "jobs['stage-1']"),
            ("${{ jobs.check-in.status }}", "template", "", "jobs['check-in']"),
            ("${{ jobs.a }}", "template", "jobs['a'] is a job", "status, exit_code, outputs"),
            ("${{ jobs.a.stats }}", "template", "a job has no 'stats'", "status"),
            ("${{ failed() }}", "template", "only in `when`", ""),
            ("${{ params.list[7] }}", "undefined", "params.list has no item 7: it has 2", ""),
            ("${{ params.name.items }}", "undefined", "params.name is a string and has no 'items'", ""),
            ("${{ 'a\0b' }}", "template", "NUL", ""),
        ],
    )
    def test_are_said_in_words(self, text: str, rule: str, message: str, hint: str) -> None:
        found = problem({"environment": {"A": text}})
        assert found.rule == rule
        assert message in found.message
        assert hint in found.hint
        assert found.route == ("environment", "A")
        assert found.severity is Severity.ERROR

    def test_the_expression_is_named_and_cut(self) -> None:
        found = problem({"a": "x" * 500 + "${{ params.nothing | default(1 / 0) ~ '" + "y" * 500 + "' }}"})
        assert "params.nothing" in found.message
        assert len(found.message) < 200

    def test_all_at_once(self) -> None:
        tree = {"a": "${{ foo }}", "b": ["${{ 1/0 }}", {"c": "${{ ( }}"}]}
        assert sorted(found.route for found in rendered(tree).problems) == [("a",), ("b", 0), ("b", 1, "c")]

    def test_but_not_without_end(self) -> None:
        assert len(rendered({f"k{n}": "${{ foo }}" for n in range(5000)}).problems) == 201

    def test_a_key_holds_no_expression(self) -> None:
        found = problem({"environment": {"${{ params.name }}": "x"}})
        assert (found.rule, found.at_key, found.route) == (
            "template-key",
            True,
            ("environment", "${{ params.name }}"),
        )

    @pytest.mark.parametrize(
        "tree",
        [
            {"params": {"a": {"default": "${{ now }}"}}},
            {"with": {"a": "${{ now }}"}},
            {"template": "${{ a }}"},
        ],
    )
    def test_inputs_hold_no_expression(self, tree: Any) -> None:
        assert "cannot hold one" in problem(tree).message


class TestWarnings:
    @pytest.mark.parametrize(
        ("command", "source"),
        [
            ("echo ${{ params.name }}", "params.name"),
            ('echo "${{ params.name }}"', "params.name"),
            ("echo ${{ params['name'] | upper }}", "params.name"),
            ("echo ${{ 'a' ~ params.name }}", "params.name"),
            ("echo ${{ params.name if params.on else 'b' }}", "params.name"),
            ("echo ${{ params.list | join(' ') }}", "params.list"),
            ("echo ${{ params.list[0] }}", "params.list"),
            ("${% for x in params.list %}${{ x }}${% endfor %}", "params.list"),
            ("${% set x = params.name %}echo ${{ x }}", "params.name"),
            ("echo ${{ git.branch }}", "git.branch"),
            ("echo ${{ git.pr }}", "git.pr"),
            ("echo ${{ git.actor.lower() }}", "git.actor"),
            ("echo ${{ jobs['a'].outputs.path }}", "jobs['a'].outputs.path"),
            ("echo ${{ params | tojson }}", "params"),
        ],
    )
    def test_an_unquoted_value_from_outside(self, command: str, source: str) -> None:
        found = problem(job(command=command))
        assert (found.rule, found.severity) == ("unquoted", Severity.WARNING)
        where = "is not known before the run" if source.startswith("jobs") else "comes from outside"
        assert found.message.startswith(f"{source} {where}")
        assert f"${{{{ {source} | q }}}}" in found.hint

    @pytest.mark.parametrize(
        "command",
        [
            "echo ${{ params.name | q }}",
            "echo ${{ ('a' ~ params.name) | q }}",
            "echo ${{ params.list | map('q') | join(' ') }}",
            "${% for x in params.list %}${{ x | q }}${% endfor %}",
            "echo ${{ params.n }} ${{ params.rate }} ${{ params.on }}",
            "echo ${{ params.name | length }} ${{ params.name | int }}",
            "echo ${{ params.name == 'x' }} ${{ 'a' if params.name else 'b' }} ${{ params.name is defined }}",
            "${% if params.name %}a${% endif %}",
            "echo ${{ git.sha }} ${{ now }}",
            "echo ${{ jobs.a.status }} ${{ jobs.a.exit_code }}",
            "echo ${{ git.branch.startswith('x') }}",
            ["echo", "${{ params.name }}"],
        ],
    )
    def test_what_is_quoted_or_cannot_hold_more(self, command: Any) -> None:
        assert rendered(job(command=command)).problems == []

    def test_choices_and_numbers_are_the_files_own(self) -> None:
        declared = {"size": {"choices": ["s", "l"]}, "count": {"type": "integer"}}
        tree = {"params": declared, **job(command="a ${{ params.size }} ${{ params.count }}")}
        assert rendered(tree, frozenset({"count"}), size="s").problems == []

    def test_another_language_has_other_quotes(self) -> None:
        command = "print(${{ params.name | tojson }})"
        assert rendered(job(command=command, shell=["python3", "-c"])).problems == []
        assert (
            rendered({"defaults": {"shell": ["/usr/bin/python3", "-c"]}, **job(command=command)}).problems
            == []
        )
        assert len(rendered(job(command=command, shell=["/bin/sh", "-c"])).problems) == 1

    def test_a_param_that_there_is_not_is_one_problem(self) -> None:
        assert problem(job(command="echo ${{ params.nothing }}")).rule == "undefined"
        assert (
            rendered(job(command="echo ${{ params.key }}"), frozenset({"key"})).problems[0].rule == "unquoted"
        )

    def test_only_commands_reach_a_shell(self) -> None:
        assert rendered(job(environment={"A": "${{ params.name }}"})).problems == []

    @pytest.mark.parametrize("text", ["{{ params.name }}", "a {{git.sha}} b", "{{- jobs['a'].status -}}"])
    def test_delimiters_of_another_language(self, text: str) -> None:
        tree = {"environment": {"A": text}}
        assert list(leaves(tree))
        found = problem(tree)
        assert (found.rule, found.severity) == ("wrong-delimiters", Severity.WARNING)
        assert found.hint.startswith("write ${{ ")
        assert rendered(tree).tree == tree

    @pytest.mark.parametrize(
        "text", ["{{.Names}}", "{{ .State }}", "{{ item_count }}", "${{ {'a': {'b': params.n}} }}"]
    )
    def test_delimiters_that_mean_something_else(self, text: str) -> None:
        assert rendered({"A": text}).problems == []


class TestSpeed:
    def test_ten_thousand_leaves_of_the_same_shape(self) -> None:
        jobs = [
            {"command": f"run ${{{{ params.name | q }}}} part-{n} --n ${{{{ params.n }}}}"}
            for n in range(10_000)
        ]
        with at_most(yards=80):
            result = render({"jobs": jobs}, params=PARAMS, git=GIT, now="")
        assert result.tree["jobs"][77]["command"] == "run 'Ada L' part-77 --n 3"

    def test_plain_expressions_do_not_load_jinja(self) -> None:
        code = (
            "import sys; from runner.model import Git; from runner.render import render;"
            "tree = {'a': '${{ params.n | q }}-${{ git.sha }}'};"
            "r = render(tree, params={'n': 1}, git=Git(sha='x'), now='');"
            "print(r.tree['a'], 'jinja2' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        assert done.stdout == "1-x False\n"
