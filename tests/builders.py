"""Short ways to queues, logs and folded states, for tests of everything that comes after the fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runner import events as e
from runner.model import Git, Job, Plan, Queue, Retry
from runner.state import RunState, fold

RUN_ID = "demo-20261122T180405-abc123"
START = 1795370645.0  # 2026-11-22T18:04:05Z


def job(job_id: str, *depends_on: str, **fields: Any) -> Job:
    retries = fields.pop("retries", 0)
    command = fields.pop("command", "true")
    return Job(job_id=job_id, command=command, depends_on=depends_on, retry=Retry(count=retries), **fields)


def queue(*jobs: Job, **fields: Any) -> Queue:
    named = {"queue_id": "demo", "queue_name": "A demonstration", **fields}
    return Queue(jobs=jobs, **named)


def plan(made: Queue, **fields: Any) -> Plan:
    named: dict[str, Any] = {
        "digest": "sha256:" + "0123456789abcdef" * 4,
        "source": "queues/demo.yaml",
        "git": Git(sha="0123456789abcdef0123456789abcdef01234567", branch="main"),
        "runner_version": "0.1.0",
        **fields,
    }
    return Plan(queue=made, **named)


class Log:
    """A log that is written step by step; every step says when, in seconds after the start."""

    def __init__(self, made: Queue, *, max_parallel: int = 4, started: bool = True) -> None:
        self.queue = made
        self.events: list[e.Event] = [e.RunRequested(at=START, queue_id=made.queue_id)]
        self._attempts: dict[str, int] = {}
        if started:
            self.events.append(
                e.RunStarted(
                    at=START,
                    queue_id=made.queue_id,
                    digest="",
                    checkout="/srv/project",
                    max_parallel=max_parallel,
                    host="host",
                    pid=1,
                    boot_id="boot",
                )
            )

    def add(self, *events: e.Event) -> Log:
        self.events += events
        return self

    def start(self, job_id: str, at: float) -> Log:
        number = self._attempts[job_id] = self._attempts.get(job_id, 0) + 1
        handle = f"{RUN_ID}/{job_id}/{number}"
        return self.add(
            e.AttemptStarted(at=START + at, job_id=job_id, attempt=number, handle=handle),
            e.AttemptRunning(at=START + at, job_id=job_id, attempt=number, pid=4242),
        )

    def end(self, job_id: str, at: float, outcome: str = "succeeded", **fields: Any) -> Log:
        """The newest attempt ends; `exit_code` is 0 or 1 unless given. The job stays open."""
        code = None if fields.get("signal") or fields.get("cannot_start") else int(outcome != "succeeded")
        ended = {"exit_code": code, "seconds": 1.0, "cpu_seconds": 0.5, "max_rss": 4_200_000, **fields}
        number = self._attempts[job_id]
        return self.add(
            e.AttemptFinished(at=START + at, job_id=job_id, attempt=number, outcome=outcome, **ended)
        )

    def retrying(self, job_id: str, at: float, delay: float) -> Log:
        number = self._attempts[job_id]
        return self.add(e.JobRetrying(at=START + at, job_id=job_id, attempt=number, delay=delay))

    def finish(self, job_id: str, at: float, outcome: str = "succeeded", **fields: Any) -> Log:
        """The newest attempt ends, and the job with it."""
        reason = fields.pop("job_reason", "")
        self.end(job_id, at, outcome, **fields)
        return self.add(e.JobFinished(at=START + at, job_id=job_id, outcome=outcome, reason=reason))

    def whole(
        self, job_id: str, at: float, seconds: float = 1.0, outcome: str = "succeeded", **fields: Any
    ) -> Log:
        """One attempt from beginning to end."""
        return self.start(job_id, at).finish(job_id, at + seconds, outcome, seconds=seconds, **fields)

    def skip(self, job_id: str, at: float, **because: str) -> Log:
        return self.add(e.JobSkipped(at=START + at, job_id=job_id, because=because))

    def over(self, at: float, outcome: str = "succeeded") -> Log:
        return self.add(e.RunFinished(at=START + at, outcome=outcome))

    def state(self) -> RunState:
        return fold(RUN_ID, self.queue, self.events)


def failed_log() -> Log:
    """A success, a retried failure with descendants, a skip by `when`, an allowed failure, a cleanup."""
    made = queue(
        job("prepare"),
        job("build", "prepare", retries=1),
        job("test", "build"),
        job("publish", "test"),
        job("docs", "prepare", when="false"),
        job("lint", "prepare", allow_failure=True),
        job("cleanup", "publish", always_run=True),
        timeout=600.0,
        on_failure="continue",
    )
    log = Log(made)
    log.whole("prepare", 0.0, 2.0)
    log.skip("docs", 2.0, when="params.docs")
    log.start("build", 2.0).start("lint", 2.0)
    log.finish("lint", 3.0, "failed", exit_code=4)
    log.end("build", 4.0, "failed", exit_code=3, seconds=2.0).retrying("build", 4.0, 1.0)
    log.start("build", 5.0).finish("build", 8.0, "failed", exit_code=None, signal="SIGSEGV", seconds=3.0)
    log.skip("test", 8.0, job="build").skip("publish", 8.0, job="test")
    log.whole("cleanup", 8.0, 0.5)
    return log.over(8.5, "failed")


def many(count: int) -> Queue:
    return queue(*(job(f"job-{i}") for i in range(count)))


def ids(events: Sequence[e.Event]) -> list[str]:
    return [event.job_id for event in events if isinstance(event, e.JobEvent)]
