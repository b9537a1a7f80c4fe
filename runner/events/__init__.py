"""The event log's vocabulary: one frozen type an event, one JSON object a line.

The log is the only truth of a run; everything that is shown is a fold of it. Every line has
`seq` (1, 2, 3…), `at` (UTC, RFC 3339, microseconds), `run_id` and `type`; a field that has its
default value is left out. Readers ignore fields and types that they do not know, so that an older
runner can show a newer run. A torn last line is dropped.
"""

from runner.events.codec import TYPES, decode, decode_lines, encode, encode_lines
from runner.events.times import format_time, microseconds, parse_time
from runner.events.types import (
    AttemptFinished,
    AttemptRunning,
    AttemptStarted,
    BootPhase,
    CancelRequested,
    Event,
    ExpressionEvaluated,
    Heartbeat,
    InstanceLaunched,
    InstanceLost,
    JobEvent,
    JobFinished,
    JobRetrying,
    JobsExpanded,
    JobSkipped,
    JobsReset,
    QueueTimedOut,
    ResultsStored,
    RunFinished,
    RunInterrupted,
    RunRequested,
    RunResumed,
    RunStarted,
    Unknown,
)

__all__ = [
    "TYPES",
    "AttemptFinished",
    "AttemptRunning",
    "AttemptStarted",
    "BootPhase",
    "CancelRequested",
    "Event",
    "ExpressionEvaluated",
    "Heartbeat",
    "InstanceLaunched",
    "InstanceLost",
    "JobEvent",
    "JobFinished",
    "JobRetrying",
    "JobSkipped",
    "JobsExpanded",
    "JobsReset",
    "QueueTimedOut",
    "ResultsStored",
    "RunFinished",
    "RunInterrupted",
    "RunRequested",
    "RunResumed",
    "RunStarted",
    "Unknown",
    "decode",
    "decode_lines",
    "encode",
    "encode_lines",
    "format_time",
    "microseconds",
    "parse_time",
]
