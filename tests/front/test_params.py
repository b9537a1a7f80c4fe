"""Declared and given → values, what is missing, and every mistake at once."""

from __future__ import annotations

from typing import Any

import pytest

from runner.params import resolve
from runner.rendering import resolve_bounded


def value(type_: str, given: Any, **more: Any) -> Any:
    values, missing, problems = resolve({"p": {"type": type_, **more}}, {"p": given})
    assert (missing, problems) == (frozenset(), [])
    return values["p"]


def refusal(type_: str, given: Any, **more: Any) -> tuple[str, str]:
    values, missing, problems = resolve({"p": {"type": type_, **more}}, {"p": given})
    assert (values, missing, len(problems)) == ({}, frozenset({"p"}), 1)
    assert (problems[0].rule, problems[0].route) == ("params", ("params", "p"))
    return problems[0].message, problems[0].hint


@pytest.mark.parametrize(
    ("type_", "given", "expected"),
    [
        ("string", "1.10", "1.10"),
        ("string", "", ""),
        ("string", 5, "5"),
        ("integer", "5", 5),
        ("integer", " -7 ", -7),
        ("integer", 5, 5),
        ("number", "5", 5),
        ("number", "1.5e3", 1500.0),
        ("number", "-.5", None),
        ("number", 0.25, 0.25),
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("boolean", False, False),
        ("list", "a, b,c", ["a", "b", "c"]),
        ("list", '["a, b", 1]', ["a, b", 1]),
        ("list", "", []),
        ("list", "one", ["one"]),
        ("list", ["a", 1, True], ["a", 1, True]),
    ],
)
def test_a_value_takes_the_declared_type(type_: str, given: Any, expected: Any) -> None:
    if expected is None:
        assert "must be a number" in refusal(type_, given)[0]
    else:
        found = value(type_, given)
        assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("type_", "given", "message"),
    [
        ("string", 1.1, "parameter 'p' must be a string, not a number"),
        ("string", True, "parameter 'p' must be a string, not a boolean"),
        ("string", ["a"], "parameter 'p' must be a string, not a list"),
        ("integer", "5.0", "parameter 'p' must be an integer, not '5.0'"),
        ("integer", "0x10", "parameter 'p' must be an integer, not '0x10'"),
        ("integer", "9" * 400, "parameter 'p' must be an integer, not '999"),
        ("integer", True, "parameter 'p' must be an integer, not a boolean"),
        ("integer", "", "parameter 'p' must be an integer, not ''"),
        ("number", "nan", "parameter 'p' must be a number, not 'nan'"),
        ("number", "1e999", "parameter 'p' must be a number, not '1e999'"),
        ("number", float("inf"), "parameter 'p' must be a number, not a number"),
        ("boolean", "yes", "parameter 'p' must be true or false, not 'yes'"),
        ("boolean", 1, "parameter 'p' must be true or false, not an integer"),
        ("list", "[1,", "parameter 'p' must be a list, not '[1,'"),
        ("list", "[NaN]", "parameter 'p' must be a list of"),
        ("list", [["a"]], "parameter 'p' must be a list of"),
        ("list", "[" * 100_000, "parameter 'p' must be a list, not '[[["),
    ],
)
def test_what_does_not_fit_is_said(type_: str, given: Any, message: str) -> None:
    said, _ = refusal(type_, given)
    assert said.startswith(message)
    assert len(said) < 200


def test_a_number_where_text_is_meant_says_to_quote_it() -> None:
    assert refusal("string", 1.10)[1] == "put it in quotes"


def test_choices_bound_values_and_items() -> None:
    assert value("string", "s", choices=["s", "l"]) == "s"
    assert value("integer", "2", choices=[1, 2]) == 2
    assert value("string", "2", choices=[1, 2]) == "2"
    assert value("list", "a,b", choices=["a", "b"]) == ["a", "b"]
    assert refusal("string", "m", choices=["s", "l"])[0] == "parameter 'p' must be one of s, l, not 'm'"
    assert "must be one of a, b" in refusal("list", "a,c", choices=["a", "b"])[0]


def test_a_pattern_must_match_as_a_whole() -> None:
    assert value("string", "v12", pattern="v[0-9]+") == "v12"
    assert refusal("string", "xv12", pattern="v[0-9]+")[0].startswith(
        "parameter 'p' must be a text that matches v[0-9]+"
    )
    assert refusal("string", "v12\n", pattern="v[0-9]+")[0]
    assert refusal("list", "v1,x", pattern="v[0-9]+")[0]


def test_defaults_given_and_missing() -> None:
    declared = {"a": {"type": "integer", "default": 3}, "b": {"type": "integer", "default": 4}, "c": {}}
    values, missing, problems = resolve(declared, {"b": "5"})
    assert (values, missing, problems) == ({"a": 3, "b": 5}, frozenset({"c"}), [])


def test_an_unknown_name_has_the_nearest_as_its_hint() -> None:
    problem = resolve({"epochs": {}, "model": {}}, {"epoch": "3"})[2][0]
    assert problem.message == "the queue has no parameter 'epoch' (it has: epochs, model)"
    assert problem.hint == "did you mean 'epochs'?"
    assert "it has none" in resolve({}, {"epoch": "3"})[2][0].message


def test_declarations_are_checked_at_their_place() -> None:
    declared = {
        "a": {"type": "integer", "default": "x"},
        "b": {"choices": ["s", "l"], "default": "m"},
        "c": {"type": "integer", "choices": [1, "two"]},
        "d": {"pattern": "("},
        "e": {"pattern": "[0-9]+", "default": "x"},
    }
    values, missing, problems = resolve(declared, {})
    assert (values, missing) == ({}, frozenset(declared))
    assert [problem.route for problem in problems] == [
        ("params", "a", "default"),
        ("params", "b", "default"),
        ("params", "c", "choices", 1),
        ("params", "d", "pattern"),
        ("params", "e", "default"),
    ]


def test_a_given_value_does_not_hide_a_broken_default() -> None:
    values, missing, problems = resolve({"a": {"type": "integer", "default": "x"}}, {"a": "5"})
    assert (values, missing, len(problems)) == ({"a": 5}, frozenset(), 1)


@pytest.mark.parametrize(
    "rule", [None, 5, "text", ["a"], {"type": "nonsense"}, {"choices": 5}, {"pattern": 5}]
)
def test_what_the_schema_refuses_does_no_harm(rule: Any) -> None:
    assert resolve({"p": rule}, {"p": "x"}) == ({"p": "x"}, frozenset(), [])


def test_bounded_gives_the_same() -> None:
    declared = {"a": {"pattern": "[a-z]+", "default": "x"}, "b": {"type": "list"}, "c": {"pattern": "x"}}
    given = {"b": "1,2", "c": "y", "d": 5}
    assert resolve_bounded(declared, given) == resolve(declared, given)


def test_a_pattern_that_never_ends_is_a_problem() -> None:
    values, missing, problems = resolve_bounded({"p": {"pattern": "(a+)+$"}}, {"p": "a" * 60 + "!"})
    assert (values, missing) == ({}, frozenset({"p"}))
    assert (
        "took " in problems[0].message
    )  # its second of CPU time, or on a busy machine the time on the clock
    assert problems[0].route == ("params", "p", "pattern")
