"""`| q`: whatever a value holds, bash gives it back as it was, as one word, and runs none of it."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.expressions import JobView, Request, answer
from runner.model import Git
from runner.render import render

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
SHELL_TEXTS = st.text(alphabet="'\"\\$`!*?[]{}()<>|&;#~ \t\n-=%^a1é", max_size=20)
PRINT = "printf '%s\\0' "


def words(command: str) -> list[str]:
    """The words that bash makes of what follows `printf`."""
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        check=True,
        capture_output=True,
        env={"LC_ALL": "C.UTF-8", "PATH": "/bin"},
    )
    assert done.stderr == b""
    return done.stdout.decode().split("\0")[:-1]


def rendered(command: str, value: Any) -> str:
    result = render({"a": command}, params={"v": value}, git=Git(branch="x"), now="")
    assert result.problems == []
    return str(result.tree["a"])


@given(values=st.lists(TEXTS | SHELL_TEXTS, min_size=1, max_size=12))
@example(
    values=["", "-n", "$(id)", "`id`", "a'b", '"', "\\", "!!", "~", "*", "\n", "a\nb", "${HOME}", "${{ 1 }}"]
)
@settings(max_examples=60, deadline=None)
def test_a_list_of_texts_comes_back_word_for_word(values: list[str]) -> None:
    assert words(rendered(PRINT + "${{ params.v | q }}", values)) == values


@given(value=SHELL_TEXTS)
@settings(max_examples=40, deadline=None)
def test_a_text_is_one_word_between_others(value: str) -> None:
    assert words(rendered(PRINT + "a${{ params.v | q }}b c", value)) == [f"a{value}b", "c"]


@given(value=SHELL_TEXTS)
@settings(max_examples=40, deadline=None)
def test_an_output_of_a_job_too(value: str) -> None:
    request = Request(
        job_id="b",
        fields={"command": PRINT + "${{ jobs['a'].outputs.x | q }}"},
        jobs={"a": JobView(status="succeeded", outputs={"x": value})},
    )
    assert words(answer(request).values["command"]) == [value]


@pytest.mark.parametrize(("value", "word"), [(5, "5"), (True, "true"), (0.5, "0.5"), (-1, "-1")])
def test_numbers_and_booleans_are_words(value: Any, word: str) -> None:
    assert words(rendered(PRINT + "${{ params.v | q }}", value)) == [word]


def test_an_empty_list_is_no_word() -> None:
    assert words(rendered(PRINT + "a ${{ params.v | q }}", [])) == ["a"]


@pytest.mark.parametrize("value", [None, {"a": 1}, [None]])
def test_what_has_no_word_is_an_error(value: Any) -> None:
    result = render({"a": "${{ params.v | q }}"}, params={"v": value}, git=Git(), now="")
    assert "q quotes" in result.problems[0].message
