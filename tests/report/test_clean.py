"""Foreign text, made fit to be shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.report import clean


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain text", "plain text"),
        ("\x1b[31mred\x1b[0m and \x1b[1;4mbold\x1b[m", "red and bold"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cm0gLXJmIC8=\x07x", "x"),
        ("\x1bPdcs\x1b\\x", "x"),
        ("\x9b2Jx", "x"),
        ("\x1bcreset", "reset"),
        ("a\tb", "a b"),
        ("bell\x07 nul\x00 del\x7f", "bell nul del"),
        ("abc\u202edef\u2066x\u2069", "abcdefx"),
        ("zero\u200bwidth\ufeff\u2060", "zerowidth"),
        ("tag\U000e0041", "tag"),
        ("line\u2028end\u2029", "line end "),
        ("no\u00a0break", "no break"),
        ("grüße 日本語 עברית 🎉", "grüße 日本語 עברית 🎉"),
        ("broken \udc80", "broken �"),
        ("unfinished \x1b[", "unfinished "),
    ],
)
def test_line(raw: str, shown: str) -> None:
    assert clean.line(raw) == shown


@given(st.text())
def test_a_clean_line_has_nothing_a_terminal_obeys(raw: str) -> None:
    shown = clean.line(raw)
    assert {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"} == set()
    assert clean.line(shown) == shown


@given(st.text(min_size=1), st.integers(1, 50))
def test_a_limit_holds(raw: str, limit: int) -> None:
    assert len(clean.line(raw, limit)) <= limit


def test_a_line_of_a_megabyte_is_cut() -> None:
    assert clean.line("x" * 1_000_000, 40) == "x" * 39 + "…"
    assert len(clean.line("\x1b[31m" * 200_000 + "end", 40)) <= 40


def test_what_was_drawn_over_is_not_shown() -> None:
    assert clean.lines("10%\r50%\r100%\r\nnext") == ["100%", "next"]


def test_last_lines_of_any_bytes() -> None:
    raw = b"one\ntwo \xff\xfe\nthree\n\n"
    assert clean.last_lines(raw, 2) == ("two ��", "three")
    assert clean.last_lines(raw, 9) == ("one", "two ��", "three")
    assert clean.last_lines(b"\n\n", 5) == ()
