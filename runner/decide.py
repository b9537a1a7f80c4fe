"""What to do next: events in, actions out. The pure half of the scheduler.

`Decider.observe(event)` is called after each `apply`; `Decider.decide(now, free)` then gives
actions, to be carried out in order. The decider keeps only queues of work that the state implies:
built anew from any folded state, it goes on where the last one was. An event costs its
out-degree; only stop, cancel and the queue's timeout, each once a run, look at every job.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush

from runner import events as e
from runner import rules
from runner.graph import Graph
from runner.model import Outcome
from runner.rules import Again
from runner.state import CLOSED, JobState, Phase, RunPhase, RunState


@dataclass(frozen=True, slots=True)
class Record:
    """A decision that is only an event."""

    event: e.Event


@dataclass(frozen=True, slots=True)
class Start:
    """Log the intent, then start this attempt."""

    job_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class End:
    """End a running attempt, its whole process tree. `why`: `timeout`, `queue_timeout`, `cancelled`."""

    job_id: str
    attempt: int
    why: str


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Evaluate the job's `when` and deferred fields."""

    job_id: str


@dataclass(frozen=True, slots=True)
class StoreResults:
    """Store the attempt's result files; its dependents wait for that."""

    job_id: str
    attempt: int


Action = Record | Start | End | Evaluate | StoreResults


class Decider:
    def __init__(self, state: RunState, graph: Graph) -> None:
        self._state = state
        self._graph = graph
        self._jobs = list(state.jobs.values())
        self._due: deque[int] = deque()  # nothing left to wait for: gate, expressions
        self._ended: deque[int] = deque()  # an attempt is over: results, retry, end
        self._ready: list[tuple[int, int, int]] = []
        self._backoff: list[tuple[float, int]] = []
        self._deadlines: list[tuple[float, int, int]] = []
        self._asked: set[tuple[int, int]] = set()  # attempts that were told to end
        self._sweep = True
        self._said_finished = False
        self._unmet = [0] * len(self._jobs)
        for i, job in enumerate(self._jobs):
            self._unmet[i] = sum(self._jobs[w].phase not in CLOSED for w in graph.waits_for[i])
            self._take_up(i, job)

    def _take_up(self, i: int, job: JobState) -> None:
        if job.phase is Phase.WAITING and not self._unmet[i]:
            self._due.append(i)
        elif job.phase is Phase.ENDED:
            self._ended.append(i)
        elif job.phase is Phase.BACKING_OFF:
            heappush(self._backoff, (job.due_at, i))
        elif job.phase is Phase.RUNNING and job.job.timeout is not None and job.last is not None:
            heappush(self._deadlines, (job.last.started_at + job.job.timeout, i, job.attempt))

    def observe(self, event: e.Event) -> None:
        """Take note of an event that was just folded."""
        if isinstance(event, e.JobEvent):
            i = self._graph.index[event.job_id]
            if isinstance(event, e.JobFinished | e.JobSkipped):
                self._closed(i)
            elif isinstance(event, e.ExpressionEvaluated):
                self._due.append(i)
            elif not isinstance(event, e.AttemptRunning):
                self._take_up(i, self._jobs[i])
        elif isinstance(event, e.CancelRequested | e.QueueTimedOut):
            self._sweep = True

    def _closed(self, i: int) -> None:
        for target in self._graph.released[i]:
            self._unmet[target] -= 1
            if self._unmet[target] == 0 and self._jobs[target].phase is Phase.WAITING:
                self._due.append(target)
        if self._state.stopped_by == self._graph.ids[i]:
            self._sweep = True

    def next_due(self) -> float | None:
        """When `decide` must be called again although nothing happened; None: only after an event."""
        times = [heap[0][0] for heap in (self._backoff, self._deadlines) if heap]
        limit = self._limit()
        if limit is not None and self._state.phase is RunPhase.LIVE:
            times.append(self._state.live_since + limit - self._state.active)
        return min(times, default=None)

    def _limit(self) -> float | None:
        """The next bound on the run, in seconds on the scale of `RunState.elapsed`."""
        state = self._state
        if state.timed_out_at is None:
            return state.queue.timeout
        return None if state.cleanup_timed_out else state.timed_out_at + state.queue.cleanup_timeout

    def decide(self, now: float, free: int) -> list[Action]:
        """Actions for this moment; `free` is how many attempts may be started.

        To be called again after every `Record` that was applied, until it gives nothing.
        """
        limit = self._limit()
        if limit is not None and self._state.elapsed(now) >= limit and self._state.open_jobs:
            return [Record(e.QueueTimedOut(at=now, cleanup=self._state.timed_out_at is not None))]
        actions: list[Action] = []
        self._overdue(now, actions)
        while self._ended:
            self._after_attempt(self._ended.popleft(), now, actions)
        while self._due:
            self._gate(self._due.popleft(), now, actions)
        if actions:
            return actions
        if self._sweep:  # only now: who is held back by a job says so, not that the queue stopped
            self._sweep = False
            self._sweep_all(now, actions)
            if actions:
                return actions
        self._wake(now)
        self._start(free, actions)
        if not self._state.open_jobs and not self._said_finished:
            self._said_finished = True
            actions.append(Record(e.RunFinished(at=now, outcome=rules.run_outcome(self._state).value)))
        return actions

    def _is_handler(self, i: int) -> bool:
        return i in self._graph.namers

    def _overdue(self, now: float, actions: list[Action]) -> None:
        while self._deadlines and self._deadlines[0][0] <= now:
            _, i, attempt = heappop(self._deadlines)
            job = self._jobs[i]
            if job.phase is Phase.RUNNING and job.attempt == attempt:
                self._end(i, "timeout", actions)

    def _end(self, i: int, why: str, actions: list[Action]) -> None:
        job = self._jobs[i]
        if (i, job.attempt) not in self._asked:
            self._asked.add((i, job.attempt))
            actions.append(End(job.job.job_id, job.attempt, why))

    def _after_attempt(self, i: int, now: float, actions: list[Action]) -> None:
        job = self._jobs[i]
        last = job.last
        if job.phase is not Phase.ENDED or last is None or last.finished is None:
            return
        self._asked.discard((i, job.attempt))
        if last.finished.results and last.stored is None:
            actions.append(StoreResults(job.job.job_id, job.attempt))
            return
        outcome, reason = rules.attempt_outcome(job)
        what = rules.again(self._state, job, outcome, is_handler=self._is_handler(i))
        if what is Again.NO:
            actions.append(Record(self._finished(job, outcome, reason, now)))
            return
        nth = job.retries + 1
        key = f"{self._state.run_id}/{job.job.job_id}/{job.attempt}"
        wait = rules.delay(job.job.retry, nth, key) if what is Again.RETRY else 0.0
        event = e.JobRetrying(
            at=now, job_id=job.job.job_id, attempt=job.attempt, delay=wait, free=what is Again.FREE
        )
        actions.append(Record(event))

    def _finished(self, job: JobState, outcome: Outcome, reason: str, now: float) -> e.JobFinished:
        """A lost attempt that may not start again ends as what forbade it."""
        if outcome is Outcome.LOST and job.last_ended is not None and job.last_ended.interrupted:
            because = rules.forbidden(self._state, job.job, is_handler=False)
            if job.cancelled or "cancel" in because:
                outcome = Outcome.CANCELLED
            elif "timeout" in because:
                outcome = Outcome.TIMED_OUT
        return e.JobFinished(at=now, job_id=job.job.job_id, outcome=outcome.value, reason=reason)

    def _gate(self, i: int, now: float, actions: list[Action]) -> None:
        job = self._jobs[i]
        if job.phase is not Phase.WAITING:
            return
        if job.evaluated is not None:
            self._after_evaluation(i, job, job.evaluated, now, actions)
            return
        because = self._held_back(i, job)
        if because:
            actions.append(Record(e.JobSkipped(at=now, job_id=job.job.job_id, because=because)))
        elif job.cancelled:
            actions.append(Record(_cancelled(job, now)))
        elif job.job.when is not None or job.job.deferred:
            actions.append(Evaluate(job.job.job_id))
        else:
            self._make_ready(i)

    def _held_back(self, i: int, job: JobState) -> dict[str, str]:
        """Why a job whose turn it is does not run, as a `because`; empty where it does."""
        is_handler = self._is_handler(i)
        because = rules.forbidden(self._state, job.job, is_handler=is_handler)
        if "cancel" in because:  # as the sweep says of all others: one reason, in whatever order it comes
            return because
        if is_handler and not job.job.always_run and not rules.needed(self._state, self._graph, i):
            return {"handler": "not needed"}
        if not (job.job.always_run or is_handler or job.job.when_gates):
            blocker = rules.blocker(self._state, self._graph, i)
            if blocker:
                return {"job": blocker}
        return because

    def _after_evaluation(
        self, i: int, job: JobState, result: e.ExpressionEvaluated, now: float, actions: list[Action]
    ) -> None:
        if result.error:
            reason = result.error
            actions.append(
                Record(e.JobFinished(at=now, job_id=job.job.job_id, outcome=Outcome.FAILED, reason=reason))
            )
        elif result.when is False:
            because = {"when": job.job.when or ""}
            actions.append(Record(e.JobSkipped(at=now, job_id=job.job.job_id, because=because)))
        else:
            self._make_ready(i)

    def _make_ready(self, i: int) -> None:
        heappush(self._ready, (-self._jobs[i].job.priority, -self._graph.height[i], i))

    def _wake(self, now: float) -> None:
        while self._backoff and self._backoff[0][0] <= now:
            _, i = heappop(self._backoff)
            if self._jobs[i].phase is Phase.BACKING_OFF:
                self._make_ready(i)

    def _start(self, free: int, actions: list[Action]) -> None:
        while free > 0 and self._ready:
            _, _, i = heappop(self._ready)
            job = self._jobs[i]
            if job.phase is Phase.WAITING or job.phase is Phase.BACKING_OFF:
                actions.append(Start(job.job.job_id, job.attempt + 1))
                free -= 1

    def _sweep_all(self, now: float, actions: list[Action]) -> None:
        """Something forbids new work: skip, end and finish what it concerns."""
        for i, job in enumerate(self._jobs):
            if job.phase in CLOSED or job.phase is Phase.ENDED:
                continue
            is_handler = self._is_handler(i)
            if job.phase is Phase.RUNNING:
                why = rules.must_end(self._state, job, is_handler=is_handler)
                if why:
                    self._end(i, why, actions)
            elif job.cancelled:
                actions.append(Record(_cancelled(job, now)))
            else:
                self._forbid(job, rules.forbidden(self._state, job.job, is_handler=is_handler), now, actions)

    def _forbid(self, job: JobState, because: dict[str, str], now: float, actions: list[Action]) -> None:
        if not because:
            return
        if job.phase is Phase.WAITING:
            actions.append(Record(e.JobSkipped(at=now, job_id=job.job.job_id, because=because)))
            return
        if job.last_ended is not None and job.last_ended.interrupted and "stop" in because:
            return  # it was allowed to finish, and was cut off
        outcome, reason = rules.attempt_outcome(job)
        if "cancel" in because:
            outcome = Outcome.CANCELLED
        actions.append(Record(self._finished(job, outcome, reason, now)))


def _cancelled(job: JobState, now: float) -> e.JobFinished:
    return e.JobFinished(
        at=now, job_id=job.job.job_id, outcome=Outcome.CANCELLED.value, reason="cancelled before it started"
    )
