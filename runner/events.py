"""The event log's vocabulary: one frozen type an event, one JSON object a line.

The log is the only truth of a run; everything that is shown is a fold of it. Every line has
`seq` (1, 2, 3…), `at` (UTC, RFC 3339, microseconds), `run_id` and `type`; a field that has its
default value is left out. Readers ignore fields and types that they do not know, so that an older
runner can show a newer run. A torn last line is dropped.
"""

from __future__ import annotations

import calendar
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, dataclass, field, fields
from functools import lru_cache
from typing import Any, ClassVar

from runner.errors import LogError


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`at` is seconds since the epoch, whole microseconds (see `microseconds`)."""

    type: ClassVar[str] = ""
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequested(Event):
    type: ClassVar[str] = "run_requested"
    queue_id: str = ""
    digest: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceLaunched(Event):
    type: ClassVar[str] = "instance_launched"
    instance_id: str
    generation: int = 1
    machine_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceLost(Event):
    type: ClassVar[str] = "instance_lost"
    instance_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    type: ClassVar[str] = "run_started"
    queue_id: str
    digest: str
    checkout: str
    max_parallel: int
    host: str = ""
    pid: int = 0
    boot_id: str = ""
    runner_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed(Event):
    """A runner lives again, on the same log."""

    type: ClassVar[str] = "run_resumed"
    max_parallel: int
    host: str = ""
    pid: int = 0
    boot_id: str = ""
    runner_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInterrupted(Event):
    """The runner was told to end (a signal, a full disk). The run is not finished: it can be resumed."""

    type: ClassVar[str] = "run_interrupted"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsReset(Event):
    """`retry`: these jobs start again from nothing, attempt numbers go on, budgets are fresh."""

    type: ClassVar[str] = "jobs_reset"
    job_ids: tuple[str, ...]
    reason: str = "retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequested(Event):
    """Without `job_ids` the whole run is meant; a second one of those ends cleanup too.

    `request` names the request, so that one which was found again after a crash counts once.
    """

    type: ClassVar[str] = "cancel_requested"
    job_ids: tuple[str, ...] = ()
    by: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTimedOut(Event):
    """The queue's `timeout` (or, with `cleanup`, its `cleanup_timeout`) is over."""

    type: ClassVar[str] = "queue_timed_out"
    cleanup: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(Event):
    type: ClassVar[str] = "heartbeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    type: ClassVar[str] = "run_finished"
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent(Event):
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionEvaluated(JobEvent):
    """What a due job's expressions gave: `when`, and the rendered text of each deferred field."""

    type: ClassVar[str] = "expression_evaluated"
    when: bool | None = None
    values: dict[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted(JobEvent):
    """The intent, written before the effect. `handle` is `RUN/JOB/ATTEMPT`."""

    type: ClassVar[str] = "attempt_started"
    attempt: int
    handle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRunning(JobEvent):
    """The process exists. `process_started` is its start time in clock ticks since boot (0: not read)."""

    type: ClassVar[str] = "attempt_running"
    attempt: int
    pid: int
    process_started: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFinished(JobEvent):
    """`max_rss` in bytes, `seconds` and `cpu_seconds` as measured where the job ran.

    `reason` says in words what `outcome` alone does not; `cannot_start` and `interrupted` steer what
    comes next: an attempt that cannot start is not retried, one that was lost because its
    runner ended does not count against `LOST_CAP`. `leftovers` counts processes the job left behind.
    """

    type: ClassVar[str] = "attempt_finished"
    attempt: int
    outcome: str
    exit_code: int | None = None
    signal: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    max_rss: int = 0
    reason: str = ""
    cannot_start: bool = False
    interrupted: bool = False
    leftovers: int = 0
    outputs: dict[str, Any] = field(default_factory=dict)
    summary: bool = False
    results: bool = False
    """The attempt left files to store: they are stored before the job may finish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsStored(JobEvent):
    """`missing` are the patterns that matched nothing, `error` why storing failed (and the job with it)."""

    type: ClassVar[str] = "results_stored"
    attempt: int
    files: int = 0
    bytes: int = 0
    missing: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRetrying(JobEvent):
    """The next attempt may start `delay` seconds after `at`. `free`: it does not use up a retry."""

    type: ClassVar[str] = "job_retrying"
    attempt: int
    delay: float
    free: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFinished(JobEvent):
    type: ClassVar[str] = "job_finished"
    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSkipped(JobEvent):
    """`because` has one key: `job`, `stop` (a job id), `when` (the text), `cancel`, `timeout`, `handler`."""

    type: ClassVar[str] = "job_skipped"
    because: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsExpanded(Event):
    """`job_id` was fanned out into `job_ids`. Written by later versions."""

    type: ClassVar[str] = "jobs_expanded"
    job_id: str
    job_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Event):
    """An event of a newer runner. Counted, shown as its type, otherwise without effect."""

    type: ClassVar[str] = "unknown"
    name: str
    job_id: str = ""


def _concrete(base: type[Event]) -> Iterator[type[Event]]:
    for sub in base.__subclasses__():
        if sub.type:
            yield sub
        yield from _concrete(sub)


TYPES: dict[str, type[Event]] = {t.type: t for t in _concrete(Event) if t.type != Unknown.type}

_DEFAULTS: dict[str, tuple[tuple[str, Any], ...]] = {}
_TUPLES: dict[str, tuple[str, ...]] = {}
_FIELDS: dict[str, frozenset[str]] = {}
_REQUIRED: dict[str, frozenset[str]] = {}
for _t in TYPES.values():
    _own = [f for f in fields(_t) if f.name != "at"]
    _DEFAULTS[_t.type] = tuple(
        (f.name, f.default_factory() if f.default_factory is not MISSING else f.default) for f in _own
    )
    _TUPLES[_t.type] = tuple(f.name for f in _own if str(f.type).startswith("tuple"))
    _FIELDS[_t.type] = frozenset(f.name for f in _own)
    _REQUIRED[_t.type] = frozenset(
        f.name for f in _own if f.default is MISSING and f.default_factory is MISSING
    )

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_quote = json.encoder.encode_basestring_ascii  # ASCII alone: a lone surrogate in an output is no trouble
_second: tuple[int, str] = (-1, "")


def microseconds(at: float) -> float:
    """`at` rounded so that it survives the log: `parse_time(format_time(x)) == x`."""
    whole = int(at)
    micro = round((at - whole) * 1e6)
    return whole + micro / 1e6 if micro < 1_000_000 else whole + 1.0


def format_time(at: float) -> str:
    """RFC 3339, UTC, microseconds: `2026-11-22T18:04:05.123456Z`."""
    global _second  # noqa: PLW0603  the text of a second is used a thousand times in it
    whole = int(at)
    micro = round((at - whole) * 1e6)
    if micro >= 1_000_000:
        whole, micro = whole + 1, 0
    if _second[0] != whole:
        _second = (whole, time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(whole)))
    return f"{_second[1]}{micro:06d}Z"


def parse_time(text: str) -> float:
    """Seconds since the epoch. Raises ValueError for what `format_time` did not write."""
    return _parse_second(text[:19]) + int(text[20:26]) / 1e6


@lru_cache(maxsize=8)
def _parse_second(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))


def encode(event: Event, seq: int, run_id: str) -> str:
    """One line of the log, without its newline."""
    name = event.type
    line = f'{{"seq":{seq},"at":"{format_time(event.at)}","run_id":{_quote(run_id)},"type":"{name}"'
    for key, default in _DEFAULTS[name]:
        value = getattr(event, key)
        if value != default:  # four events a job: the general encoder takes twice as long for them
            text = (
                _quote(value) if type(value) is str else str(value) if type(value) is int else _encode(value)
            )
            line += f',"{key}":{text}'
    return line + "}"


def decode(line: str | bytes) -> Event:
    """The event of one line. Raises LogError where the line is not an event."""
    try:
        record = json.loads(line)
        name = record["type"]
        at = parse_time(record["at"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LogError(f"the event log has a line that is not an event: {error}") from error
    kind = TYPES.get(name)
    if kind is None:
        return Unknown(at=at, name=str(name), job_id=str(record.get("job_id", "")))
    known = _FIELDS[name]
    values = {key: value for key, value in record.items() if key in known}
    if not values.keys() >= _REQUIRED[name]:
        raise LogError(
            f"the event log has a {name} without {', '.join(sorted(_REQUIRED[name] - values.keys()))}"
        )
    for key in _TUPLES[name]:
        if key in values:
            values[key] = tuple(values[key])
    return kind(at=at, **values)


def decode_lines(data: bytes) -> list[Event]:
    """All events of a log. What follows the last newline is a torn line, and dropped."""
    end = data.rfind(b"\n") + 1
    return [decode(line) for line in data[:end].splitlines() if line]


def encode_lines(events: Iterable[Event], run_id: str, first_seq: int = 1) -> bytes:
    return "".join(encode(e, first_seq + i, run_id) + "\n" for i, e in enumerate(events)).encode()
