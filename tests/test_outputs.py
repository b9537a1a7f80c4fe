"""What is an output, and what is passed over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import outputs


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", "7"),
        ("", ""),
        ("a=b", "a=b"),
        ('"7"', "7"),
        ("[1, 2]", [1, 2]),
        ('{"a": null}', {"a": None}),
        ("{not json", "{not json"),
        ("[INFO] fine", "[INFO] fine"),
        ("[NaN]", "[NaN]"),
        (" spaced ", " spaced "),
        ("[" * 5000, "[" * 5000),
    ],
)
def test_a_value(text: str, value: Any) -> None:
    assert outputs.parse(f"x={text}\n".encode()) == ({"x": value}, "")


def test_a_later_line_wins_and_blank_lines_do_not_matter() -> None:
    assert outputs.parse(b"x=1\n\n  \nx=2\ny=3") == ({"x": "2", "y": "3"}, "")


@pytest.mark.parametrize("line", ["nothing", "=x", "a b=x", "1a=x", "ä=x"])
def test_a_line_that_is_none_is_passed_over_and_said(line: str) -> None:
    found, wrong = outputs.parse(f"good=1\n{line}\n".encode())
    assert found == {"good": "1"}
    assert "line 2" in wrong


def test_too_much_is_nothing() -> None:
    found, wrong = outputs.parse(b"x=" + b"y" * outputs.LIMIT)
    assert found == {}
    assert "65536" in wrong


@given(st.binary(max_size=300))
def test_any_bytes_are_read(raw: bytes) -> None:
    found, _ = outputs.parse(raw)
    assert all(name.isidentifier() for name in found)
