"""What runs attempts, and what tells the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch, whole microseconds, never going back while the process lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One attempt, ready to run: everything resolved, nothing left to decide.

    `environment` comes over the runner's own (already cleaned) environment. `stores_results`: files are
    put into the attempt's results folder after its end. `masks` are the values that must not reach a log.
    `command` as in `model.Job`. Paths are absolute.
    """

    handle: str
    job_id: str
    attempt: int
    command: str | tuple[str, ...]
    shell: tuple[str, ...]
    working_directory: str
    environment: Mapping[str, str]
    directory: str
    kill_grace: float = 10.0
    keep_processes: bool = False
    stores_results: bool = False
    masks: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A report: the attempt's process exists."""

    handle: str
    pid: int
    process_started: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """A report: the attempt is over, with every process of it.

    `exit_code` None and `signal` "" together mean that it never ran (`error` says why) or was lost
    (`lost`). `ended` is what `cancel` was told, where the attempt was ended by us. `has_output`,
    `has_summary`, `has_results`: what the attempt left in its directory.
    """

    handle: str
    exit_code: int | None = None
    signal: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    max_rss: int = 0
    ended: str = ""
    error: str = ""
    lost: bool = False
    out_of_memory: bool = False
    leftovers: int = 0
    has_output: bool = False
    has_summary: bool = False
    has_results: bool = False


class Executor(Protocol):
    """Runs attempts. Never calls back: reports are fetched by `poll`."""

    def start(self, spec: Spec) -> None:
        """Begin an attempt. Its end is reported by `poll`, also where it cannot start."""

    def fileno(self) -> int | None:
        """A descriptor that is readable when `poll` has something, where there is one."""

    def poll(self) -> Sequence[Running | Exit]:
        """Reports since the last call. Never waits."""

    def cancel(self, handle: str, why: str, *, at_once: bool = False) -> None:
        """End the attempt with its whole process tree: TERM, the grace (not `at_once`), KILL.

        `why` comes back as `Exit.ended`. For an attempt that is over already, nothing happens.
        """

    def capacity(self) -> int:
        """How many attempts may run at once, those that run included."""

    def close(self) -> None:
        """End whatever still runs, and everything the executor itself started."""
