"""Every field of every event with every value that JSON has: a log that is wrong is said to be, or shown."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from runner import events as e
from runner.errors import LogError
from runner.events import decode, encode_lines
from runner.publish.standing import Life, as_it_stands
from runner.report.comment_final import final_comment
from runner.report.comment_live import live_comment
from runner.report.evidence import Evidence
from runner.report.statuses import statuses
from runner.state import RunState, apply
from tests.builders import RUN_ID, START, Log, failed_log, plan

pytestmark = pytest.mark.slow

VALUES = (
    "NaN", "Infinity", "-Infinity", "1e308", "9" * 400, "-7", "0", "1.5", "true", "null", "[]", "{}",
    "[1,[2]]", '{"a":{"b":NaN}}', '""', '"x"', '"\\ud800"', '"\\u0000\\u202e@all <img> ```"',
    '"0001-01-01T00:00:00.000000Z"', '"9999-12-31T23:59:59.999999Z"',
)  # fmt: skip


def every_kind() -> Log:
    """The log of a run that fails, on two machines, with what else there is in a log."""
    log = failed_log()
    at = START + 2.0
    log.events[8:8] = [
        e.InstanceLost(at=at, instance_id="i-1", reason="taken back"),
        e.InstanceLaunched(at=at, instance_id="i-2", machine_type="m7i.large", launched_at=at, price=0.1),
        e.BootPhase(at=at, name="agent"),
        e.RunResumed(at=at, max_parallel=3),
        e.QueueTimedOut(at=at),
        e.CancelRequested(at=at, by="ann"),
        e.Heartbeat(at=at),
    ]
    log.events.insert(1, e.InstanceLaunched(at=START, instance_id="i-1", machine_type="c7i.large", price=0.1))
    return log


LOG = every_kind()
LINES = encode_lines(LOG.events, RUN_ID).splitlines()


def wrong(line: bytes) -> Iterator[bytes]:
    record = json.loads(line)
    for name in sorted({*record, *(field for field in e.TYPES[record["type"]].__dataclass_fields__)}):
        for value in VALUES:
            yield json.dumps({**record, name: "@@"}).replace('"@@"', value).encode()


@pytest.mark.parametrize("number", range(len(LINES)))
def test_one_that_is_wrong(number: int) -> None:
    before = RunState.new(RUN_ID, LOG.queue)
    for line in LINES[:number]:
        apply(before, decode(line))
    for line in wrong(LINES[number]):
        state = RunState.new(RUN_ID, LOG.queue)
        for kept in LINES[:number]:
            apply(state, decode(kept))
        try:
            apply(state, decode(line))
        except LogError:
            assert state == before, f"half of it was taken: {line!r}"
            continue
        shown(state)


def shown(state: RunState) -> None:
    """In all ways; none of them may fail."""
    made = plan(LOG.queue)
    for life in (Life(), Life(died=True)):
        stands = as_it_stands(state, life)
        for text in statuses(stands, limit=3):
            assert len(text.description) <= 140
        assert live_comment(made, stands, now=START + 100.0, died=life.died)
        assert final_comment(made, stands, Evidence(), now=START + 100.0)
