"""What a run, its jobs and their attempts are remembered as. Only `fold.apply` changes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from runner import events as e
from runner.model import FAILED_FOR_GOOD, Job, Outcome, Queue


class Phase(StrEnum):
    """Where a job is. FINISHED and SKIPPED are ends, unless `jobs_reset` opens them again."""

    WAITING = "waiting"  # for dependencies, an expression or a slot
    RUNNING = "running"  # an attempt was started (the intent is logged)
    ENDED = "ended"  # the attempt is over; results are stored, or what comes next is decided
    BACKING_OFF = "backing_off"  # the next attempt starts when its delay is over
    FINISHED = "finished"
    SKIPPED = "skipped"


class RunPhase(StrEnum):
    REQUESTED = "requested"
    LIVE = "live"
    INTERRUPTED = "interrupted"
    FINISHED = "finished"


CLOSED = frozenset({Phase.FINISHED, Phase.SKIPPED})


@dataclass(slots=True)
class MachineState:
    """One machine of a run, of which only the log is known: a machine may live a little longer than that.

    `price` and `because` as in `instance_launched`. `ended_at` is 0 while it lives, `lost` says why it is
    gone. `boot`: when it reached each phase of its boot. `first_job_at`: its first attempt's start, or 0.
    """

    instance_id: str
    generation: int = 0
    type: str = ""
    region: str = ""
    zone: str = ""
    spot: bool = False
    price: float = 0.0
    launched_at: float = 0.0
    ended_at: float = 0.0
    lost: str = ""
    because: str = ""
    boot: dict[str, float] = field(default_factory=dict)
    first_job_at: float = 0.0


@dataclass(slots=True)
class AttemptState:
    number: int
    started_at: float
    handle: str
    pid: int = 0
    process_started: int = 0
    finished: e.AttemptFinished | None = None
    stored: e.ResultsStored | None = None


@dataclass(slots=True)
class JobState:
    """`due_at` is when a backing-off job may start again. `because` as in `job_skipped`.

    `retries` and `losses` count since the job was last opened; `attempts` are all there ever were.
    """

    job: Job
    phase: Phase = Phase.WAITING
    outcome: Outcome | None = None
    because: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    attempts: list[AttemptState] = field(default_factory=list)
    retries: int = 0
    losses: int = 0
    due_at: float = 0.0
    finished_at: float = 0.0
    evaluated: e.ExpressionEvaluated | None = None
    cancelled: bool = False

    @property
    def attempt(self) -> int:
        """The number of the newest attempt, 0 before the first."""
        return self.attempts[-1].number if self.attempts else 0

    @property
    def last(self) -> AttemptState | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def last_ended(self) -> e.AttemptFinished | None:
        """The newest attempt that is over: outputs come from it, whatever its outcome."""
        return next((a.finished for a in reversed(self.attempts) if a.finished is not None), None)

    @property
    def failed_for_good(self) -> bool:
        return self.outcome in FAILED_FOR_GOOD


@dataclass(slots=True)
class RunState:
    """One run, folded. `counts` has the number of jobs in each phase, `outcomes` of each outcome.

    `active` is the time in which a runner lived, up to `live_since`, in seconds; only that counts for
    the queue's timeout.
    `seq` is the number of events folded. `failures` counts the jobs that make the run fail.
    """

    run_id: str
    queue: Queue
    jobs: dict[str, JobState]
    counts: dict[Phase, int]
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    phase: RunPhase = RunPhase.REQUESTED
    outcome: Outcome | None = None
    seq: int = 0
    requested_at: float = 0.0
    started_at: float = 0.0
    last_at: float = 0.0
    finished_at: float = 0.0
    live_since: float = 0.0
    active: float = 0.0
    checkout: str = ""
    digest: str = ""
    max_parallel: int = 0
    host: str = ""
    pid: int = 0
    boot_id: str = ""
    instance_id: str = ""
    machines: list[MachineState] = field(default_factory=list)
    interrupted: str = ""
    cancels: int = 0
    cancelled_by: str = ""
    timed_out_at: float | None = None  # on the scale of `elapsed`, not of the clock
    cleanup_timed_out: bool = False
    stopped_by: str = ""
    failures: int = 0
    requests: set[str] = field(default_factory=set)

    @staticmethod
    def new(run_id: str, queue: Queue) -> RunState:
        jobs = {job.job_id: JobState(job) for job in queue.jobs}
        counts = dict.fromkeys(Phase, 0)
        counts[Phase.WAITING] = len(jobs)
        return RunState(run_id=run_id, queue=queue, jobs=jobs, counts=counts)

    def elapsed(self, now: float) -> float:
        """Seconds in which a runner lived, until `now`."""
        return self.active + (max(0.0, now - self.live_since) if self.phase is RunPhase.LIVE else 0.0)

    @property
    def open_jobs(self) -> int:
        return len(self.jobs) - self.counts[Phase.FINISHED] - self.counts[Phase.SKIPPED]
