"""The log's lines: round trips, torn tails, unknown and hostile content."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import events as e
from runner.errors import LogError

AT = e.microseconds(1_795_370_645.123456)
texts = st.text(st.characters(), max_size=30)  # lone surrogates included
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.floats(0, 4e9))
def test_a_time_survives_the_log(at: float) -> None:
    assert e.parse_time(e.format_time(e.microseconds(at))) == e.microseconds(at)


@given(texts, texts, st.dictionaries(texts, json_values, max_size=4), st.floats(0, 1e6))
def test_every_text_survives_the_log(job: str, reason: str, outputs: dict[str, Any], seconds: float) -> None:
    event = e.AttemptFinished(
        at=AT, job_id=job, attempt=1, outcome="failed", reason=reason, outputs=outputs, seconds=seconds
    )
    line = e.encode(event, 7, "run")
    assert "\n" not in line
    assert line.isascii()
    assert e.decode(line.encode()) == event


def test_a_line_has_what_every_event_has() -> None:
    line = json.loads(e.encode(e.RunFinished(at=AT, outcome="failed"), 3, "run"))
    assert line == {
        "seq": 3,
        "at": "2026-11-22T18:04:05.123456Z",
        "run_id": "run",
        "type": "run_finished",
        "outcome": "failed",
    }


def test_tuples_come_back_as_tuples() -> None:
    event = e.JobsReset(at=AT, job_ids=("a", "b"))
    assert e.decode(e.encode(event, 1, "run")) == event


def test_an_event_of_a_newer_runner_is_passed_over_but_counted() -> None:
    line = e.encode(e.Heartbeat(at=AT), 1, "run").replace("heartbeat", "telepathy")
    assert e.decode(line) == e.Unknown(at=AT, name="telepathy")


def test_a_field_of_a_newer_runner_is_ignored() -> None:
    line = e.encode(e.Heartbeat(at=AT), 1, "run")[:-1] + ',"mood":"good"}'
    assert e.decode(line) == e.Heartbeat(at=AT)


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_torn_last_line_is_dropped(cut: int) -> None:
    whole = e.encode_lines([e.Heartbeat(at=AT), e.RunFinished(at=AT, outcome="failed")], "run")
    assert len(e.decode_lines(whole[:-cut])) == 1


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "null", '{"type": "heartbeat"}', '{"type": 3, "at": "x"}', "[" * 100_000, '"x"'],
)
def test_a_line_that_is_no_event_is_said_to_be_none(line: str) -> None:
    with pytest.raises(LogError):
        e.decode(line)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 400, "1e16", "-1e15"])
def test_a_number_that_measures_nothing_is_refused(number: str) -> None:
    """JSON as Python reads it has such numbers; whoever shows them would fail instead."""
    line = e.encode(e.JobRetrying(at=AT, job_id="a", attempt=1, delay=77.0), 1, "run").replace("77.0", number)
    with pytest.raises(LogError, match="delay is not what it must be"):
        e.decode(line)


def test_a_type_that_is_no_word_is_refused() -> None:
    with pytest.raises(LogError, match="whose type is no word"):
        e.decode(f'{{"at":"{e.format_time(AT)}","type":[]}}')


def test_an_event_without_what_it_needs_is_refused() -> None:
    line = e.encode(e.RunFinished(at=AT, outcome="failed"), 1, "run").replace("outcome", "income")
    with pytest.raises(LogError, match="without outcome"):
        e.decode(line)


def test_every_type_has_a_name_of_its_own() -> None:
    assert e.Unknown.type not in e.TYPES
    assert all(name == kind.type for name, kind in e.TYPES.items())
    assert len(e.TYPES) >= 17
