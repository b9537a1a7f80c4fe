"""The vocabulary of the event log: one frozen type an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar


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
    """`launched_at`: seconds since the epoch, 0 where the machine does not know since when it lives.

    `price`: US dollars an hour, on demand, as it was known at launch; 0 where it was not. A machine on the
    spot market (`spot`) costs no more than that. `because`: why it came, where nobody had asked for it.
    """

    type: ClassVar[str] = "instance_launched"
    instance_id: str
    generation: int = 1
    machine_type: str = ""
    region: str = ""
    zone: str = ""
    spot: bool = False
    launched_at: float = 0.0
    price: float = 0.0
    image: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootPhase(Event):
    """How far the newest machine's boot had come `at` that time. Told once it has the run, so afterwards.

    `requested` and `running` (by the cloud's clocks), `bootstrap`, `role`, `python`, `fetch`, `agent`,
    `checkout`; more may come.
    """

    type: ClassVar[str] = "boot_phase"
    name: str
    text: str = ""


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
