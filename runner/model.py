"""The complete, frozen form of what a queue file says. No dict travels further in than this.

Built by `load` from a rendered document in which every alias has its canonical name; written to
and read from `plan.json` by `plan`. Durations are seconds, sizes bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How an attempt, a job or a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CANCELLED = "cancelled"
    LOST = "lost"
    SKIPPED = "skipped"  # jobs only
    REUSED = "reused"  # jobs only


FAILED_FOR_GOOD = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY, Outcome.LOST})
"""Outcomes of a job that trigger `stop` and handlers. `cancelled` blocks dependents, but triggers neither."""


class Strategy(StrEnum):
    EXPONENTIAL = "exponential"
    FIXED = "fixed"
    EXPONENTIAL_JITTER = "exponential-jitter"


RETRY_ON = frozenset({"exit", "timeout", "oom", "lost"})
LOST_CAP = 3
"""How often an attempt that was lost to its machine is run again without using up a retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When and how often a failed attempt is tried again.

    `count` retries follow the first attempt. `codes`, where given, are the only exit codes that
    are retried; `except_codes` never are, and win.
    """

    count: int = 0
    strategy: Strategy = Strategy.EXPONENTIAL
    delay: float = 1.0
    max_delay: float = 300.0
    jitter: float = 0.5
    on: frozenset[str] = RETRY_ON
    codes: tuple[int, ...] = ()
    except_codes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One shell job. `command` is one string for `shell`, or a tuple that is executed without one.

    `command`, the values of `environment` and `when` may still hold `${{ … }}` expressions that
    read `jobs`: those are evaluated when the job is due. `deferred` names these fields (`command`,
    `command.0`, `environment.NAME`). `when_gates` says that `when` reads a status or an exit code, or
    calls `succeeded()`, `failed()` or `always()`, and so replaces the gate. `reads` are the job ids
    that its expressions mention.
    """

    job_id: str
    command: str | tuple[str, ...]
    shell: tuple[str, ...] = ("/bin/bash", "-c")
    depends_on: tuple[str, ...] = ()
    timeout: float | None = None
    kill_grace: float = 10.0
    retry: Retry = field(default_factory=Retry)
    environment: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    working_directory: str = ""
    result_files: tuple[str, ...] = ()
    result_required: bool = False
    result_when: str = "success"
    always_run: bool = False
    on_failure: str | None = None
    allow_failure: bool = False
    when: str | None = None
    when_gates: bool = False
    deferred: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    priority: int = 0
    keep_processes: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where a queue runs. `batch` and `slurm` are not executed by this version."""

    provider: str = "local"
    options: dict[str, Any] = field(default_factory=dict)
    """The other fields of `machine`, as written (type, region, spot, disk, ami, ttl, …)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A directed acyclic graph of jobs, in the order of the file."""

    queue_id: str
    queue_name: str
    jobs: tuple[Job, ...]
    timeout: float | None = None
    cleanup_timeout: float = 600.0
    on_failure: str = "stop"  # or "continue"
    max_parallel: int | None = None
    machine: Machine = field(default_factory=Machine)
    results: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    """The values the queue was rendered with."""
    run_on: str = "merge"  # or "manual" (only by hand), "schedule" (only by the clock)
    schedule: tuple[str, ...] = ()
    """Cron lines in UTC. A queue that runs on a merge may have some too; those of a manual one do nothing."""
    concurrency_group: str = ""
    """Runs of one group exclude each other; "" is the queue's own group, its `queue_id`: see `group`."""
    concurrency_policy: str = "wait"  # for the live run of the group; or "cancel" it, or "reject" this one
    unsupported: tuple[str, ...] = ()
    """Sentences, one for each feature used that this version accepts and does not execute yet."""
    refused: tuple[str, ...] = ()
    """The same, for features without which a run would do something else than the file says."""

    @property
    def group(self) -> str:
        """Of the runs of this group one may live at a time."""
        return self.concurrency_group or self.queue_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """What `git.*` expressions give. Empty strings where there is no repository."""

    sha: str = ""
    branch: str = ""
    pr: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What runs, to the byte: the resolved queue and what it was made from. `plan.json` is this.

    `digest` is `sha256:…` over the canonical plan, with `git.*`, `now` and secrets symbolic.
    `source` is the path as the user gave it, `-` for standard input.
    """

    queue: Queue
    digest: str
    source: str
    git: Git = field(default_factory=Git)
    runner_version: str = ""
