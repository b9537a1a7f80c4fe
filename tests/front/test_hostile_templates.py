"""Templates that mean harm: each ends in a located problem or a harmless value, within bounds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runner.model import Git
from runner.problems import Severity
from runner.render import Rendered, render
from runner.rendering import render_bounded
from tests.measuring import at_most

pytestmark = pytest.mark.slow

HOSTILE = (Path(__file__).parents[1] / "examples/templates/hostile.txt").read_text().splitlines()

DEEP = {
    "parentheses": "${{ " + "(" * 4000 + "1" + ")" * 4000 + " }}",
    "lists": "${{ " + "[" * 4000 + "]" * 4000 + " }}",
    "minus": "${{ " + "-" * 9000 + "1 }}",
    "not": "${{ " + "not " * 2400 + "1 }}",
    "attributes": "${{ params" + ".a" * 4900 + " }}",
    "sums": "${{ 1" + "+1" * 4900 + " }}",
    "filters": "${{ params.name" + "|q" * 4900 + " }}",
    "choices": "${{ " + "1 if 1 else " * 800 + "1 }}",
    "ifs": "${% if 1 %}" * 3000 + "${% endif %}" * 3000,
    "loops": "${% for x in [1,2] %}" * 40 + "x" + "${% endfor %}" * 40,
    "long expression": "${{ '" + "a" * 100_000 + "' }}",
    "long template": "${% if true %}" + "a" * 200_000 + "${% endif %}",
    "many expressions": "${{ 1 }}" * 20_000,
    "many openings": "${{ " * 200_000,
    "many quotes": "${{ " + "'\\'" * 3000 + " }}",
    "many blocks": "${% set a = 1 %}" * 6000 + "${% for x in range(90000) %}${% endfor %}",
    "spaces": "{{" + " " * 500_000,
    "names": "${{ " + "a" * 9000 + " }}",
    "digits": "${{ " + "9" * 9000 + " }}",
    "braces": "{" * 300_000 + "}" * 300_000,
}
EVERY = {f"{number}: {text[:40]}": text for number, text in enumerate(HOSTILE, 1)} | DEEP
HARMLESS = {24, 25, 115, 116, 117, 118, 121, 122, 157, 173, "many blocks", "spaces", "braces"}
"""Lines of the file, and names, that give a value after all. Everything else ends in a problem."""

LITTLE = 96 << 20
"""So little memory that the process would end if the language itself did not bound what a template makes."""
SECRET = "wolpertinger"
LEAKS = (SECRET, "root:", "<class", "<function", "<built", "module", "object at", "Traceback", "PATH=")


def rendered(text: str) -> Rendered:
    tree = {"jobs": [{"job_id": "a", "environment": {"A": text}}]}
    params = {"name": "Ada", "list": ["b", "a"]}
    return render_bounded(tree, params=params, git=Git(sha="abc"), now="2026", memory=LITTLE)


@pytest.mark.parametrize("name", EVERY)
def test_ends_in_a_problem_or_a_harmless_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, number = EVERY[name], name.partition(":")[0]
    monkeypatch.setenv("RUNNER_TEST_SECRET", SECRET)
    with at_most(yards=120):
        result = rendered(text)
    value = result.tree["jobs"][0]["environment"]["A"]
    if value != text:
        assert len(json.dumps(value)) < 7 << 20
        assert not [leak for leak in LEAKS if leak in json.dumps(value)]
    assert (_errors(result) == []) == (name in HARMLESS or number in map(str, HARMLESS))
    for problem in result.problems:
        assert problem.route == ("jobs", 0, "environment", "A")
        assert len(problem.message) < 400
        assert len(problem.hint) < 400
        assert not problem.message.startswith("evaluating the template")  # ended by the process's bounds
        assert not [leak for leak in LEAKS if leak in problem.message + problem.hint]


def _errors(result: Rendered) -> list[str]:
    return [problem.message for problem in result.problems if problem.severity is Severity.ERROR]


def test_one_bad_leaf_does_not_hide_the_others() -> None:
    tree = {"a": "${{ 'x' * 10**9 }}", "b": "${{ git.sha }}", "c": "${{ 1 / 0 }}"}
    result = render_bounded(tree, params={}, git=Git(sha="abc"), now="")
    assert result.tree == {**tree, "b": "abc"}
    assert sorted(problem.route for problem in result.problems) == [("a",), ("c",)]


def test_the_whole_file_is_bounded_not_each_leaf() -> None:
    loop = "${% for x in range(1000) %}${% for y in range(30) %}${{ x }}${% endfor %}${% endfor %}"
    tree = {f"k{number}": loop for number in range(1000)}
    with at_most(yards=120):
        result = render(tree, params={}, git=Git(), now="")
    assert {problem.rule for problem in result.problems} == {"template-limit"}


def test_all_texts_of_a_file_together_are_bounded() -> None:
    tree = {f"k{number}": "${{ 'x' * 1000000 }}" for number in range(1000)}
    result = render_bounded(tree, params={}, git=Git(), now="")
    made = [value for value in result.tree.values() if len(value) == 1_000_000]
    assert 0 < len(made) < 40
    assert {problem.rule for problem in result.problems} == {"template-limit"}


SLOW = "${% set x = 'a' * 1000000 %}${% for i in range(90000) %}${% if 'ab' in x %}${% endif %}${% endfor %}"
"""Within what the language counts, yet seconds of work: the bounds of the process are for such."""


def test_what_the_language_does_not_count_the_process_bounds() -> None:
    tree = {"a": "${{ git.sha }}", "b": {"c": [SLOW]}, "d": "${{ git.sha }}"}
    with at_most(yards=120):
        result = render_bounded(tree, params={}, git=Git(sha="abc"), now="")
    assert [(problem.rule, problem.route) for problem in result.problems] == [
        ("template-limit", ("b", "c", 0))
    ]
    # Its second of CPU time, or on a busy machine the time on the clock.
    assert re.search("took (more than 1 s of CPU time|too long)", result.problems[0].message)
    assert (result.tree, result.deferred, result.volatile) == (tree, {}, {})


def test_conditions_that_were_too_much_are_left_for_nobody_to_read() -> None:
    tree = {"jobs": [{"job_id": "a", "command": SLOW}, {"job_id": "b", "when": "jobs.a.status == 'x'"}]}
    result = render_bounded(tree, params={}, git=Git(), now="")
    assert len(result.problems) == 1
    assert [job.get("when") for job in result.tree["jobs"]] == [None, True]
