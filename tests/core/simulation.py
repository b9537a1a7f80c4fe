"""A world for the pure core: virtual time, attempts that end as a script says, crashes at chosen moments.

It carries out actions as the scheduler does (intent, effect, result) but starts no process, so that a
thousand runs take a second. It checks what must hold at every moment while it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from runner import events as e
from runner.decide import Action, Decider, End, Evaluate, Record, Start, StoreResults
from runner.graph import Graph
from runner.model import Queue
from runner.state import CLOSED, Phase, RunPhase, RunState, apply, fold

RUN = "queue-20260101T000000-abcdef"
BEGIN = 1_767_225_600.0


@dataclass
class End_:
    """How an attempt ends: after `seconds`, unless it is ended before."""

    outcome: str = "succeeded"
    seconds: float = 1.0
    exit_code: int | None = None
    cannot_start: bool = False
    results: bool = False
    missing: tuple[str, ...] = ()
    outputs: dict[str, object] = field(default_factory=dict)


Script = Callable[[str, int], End_]
_WHY = {"timeout": "timed_out", "queue_timeout": "timed_out", "cancelled": "cancelled"}


class World:
    """One run. `script(job_id, attempt)` says how attempts end, `answer(job_id)` what expressions give."""

    def __init__(
        self,
        queue: Queue,
        script: Script = lambda job, attempt: End_(),
        *,
        parallel: int = 4,
        answer: Callable[[RunState, str], e.ExpressionEvaluated] | None = None,
    ) -> None:
        self.queue = queue
        self.graph = Graph.of(queue)
        self.script = script
        self.parallel = parallel
        self.answer = answer
        self.now = BEGIN
        self.log: list[e.Event] = []
        self.state = RunState.new(RUN, queue)
        self.ends: dict[str, tuple[float, int, End_]] = {}
        self.at: list[tuple[float, Callable[[], None]]] = []
        self.note(
            e.RunStarted(at=self.now, queue_id="queue", digest="d", checkout="/c", max_parallel=parallel)
        )
        self.decider = Decider(self.state, self.graph)

    # -- what the scheduler does

    def note(self, event: e.Event) -> None:
        apply(self.state, event)
        self.log.append(event)
        if hasattr(self, "decider"):
            self.decider.observe(event)
        self.check()

    def check(self) -> None:
        running = [name for name, job in self.state.jobs.items() if job.phase is Phase.RUNNING]
        assert len(running) == self.state.counts[Phase.RUNNING] <= self.parallel
        for phase in Phase:
            assert self.state.counts[phase] == sum(j.phase is phase for j in self.state.jobs.values())

    def take(self, action: Action) -> None:
        if isinstance(action, Record):
            self.note(action.event)
        elif isinstance(action, Start):
            self.started(action.job_id, action.attempt)
        elif isinstance(action, End):
            when, attempt, how = self.ends[action.job_id]
            how = End_(_WHY[action.why])
            self.ends[action.job_id] = (min(when, self.now + 0.5), attempt, how)
        elif isinstance(action, Evaluate):
            self.evaluated(action.job_id)
        elif isinstance(action, StoreResults):
            self.stored(action)

    def started(self, job_id: str, attempt: int) -> None:
        waits = [self.state.jobs[self.graph.ids[i]] for i in self.graph.waits_for[self.graph.index[job_id]]]
        assert all(w.phase in CLOSED for w in waits), f"{job_id} started before what it waits for ended"
        assert job_id not in self.ends, f"{job_id} runs twice at once"
        self.note(
            e.AttemptStarted(at=self.now, job_id=job_id, attempt=attempt, handle=f"{RUN}/{job_id}/{attempt}")
        )
        how = self.script(job_id, attempt)
        self.ends[job_id] = (self.now + how.seconds, attempt, how)

    def evaluated(self, job_id: str) -> None:
        assert self.answer is not None, f"{job_id} has an expression, and nobody answers"
        self.note(self.answer(self.state, job_id))

    def stored(self, action: StoreResults) -> None:
        how = self.script(action.job_id, action.attempt)
        self.note(
            e.ResultsStored(
                at=self.now, job_id=action.job_id, attempt=action.attempt, files=1, missing=how.missing
            )
        )

    def settle(self) -> None:
        for _ in range(100_000):
            actions = self.decider.decide(self.now, self.parallel - self.state.counts[Phase.RUNNING])
            if not actions:
                return
            for action in actions:
                self.take(action)
        raise AssertionError("the decider never comes to rest")

    def finish_attempt(self, job_id: str) -> None:
        _, attempt, how = self.ends.pop(job_id)
        code = how.exit_code if how.exit_code is not None else {"succeeded": 0, "failed": 1}.get(how.outcome)
        self.note(
            e.AttemptFinished(
                at=self.now,
                job_id=job_id,
                attempt=attempt,
                outcome=how.outcome,
                exit_code=code,
                cannot_start=how.cannot_start,
                results=how.results and how.outcome == "succeeded",
                outputs=how.outputs,
            )
        )

    # -- what the world does

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self.at.append((BEGIN + seconds, act))

    def cancel(self, *jobs: str) -> None:
        self.note(e.CancelRequested(at=self.now, job_ids=jobs, by="someone", request=str(len(self.log))))

    def step(self) -> bool:
        """To the next moment at which something happens; whether there was one."""
        times = [when for when, _, _ in self.ends.values()] + [when for when, _ in self.at]
        due = self.decider.next_due()
        if due is not None:
            times.append(due)
        if not times:
            return False
        self.now = max(self.now, min(times))
        for item in [item for item in self.at if item[0] <= self.now]:
            self.at.remove(item)
            item[1]()
        for job_id in [name for name, (when, _, _) in self.ends.items() if when <= self.now]:
            self.finish_attempt(job_id)
        return True

    def run(self, steps: int = 1_000_000) -> RunState:
        """Until the run is over (or for so many steps)."""
        self.settle()
        while self.state.phase is RunPhase.LIVE and steps > 0 and self.step():
            self.settle()
            steps -= 1
        assert steps == 0 or self.state.phase is RunPhase.FINISHED, (
            "nothing happens any more, and jobs are open"
        )
        return self.state

    def crash(self, keep: int | None = None) -> None:
        """The runner dies; the log has its first `keep` events. Another takes the run up."""
        self.log = self.log[: max(1, len(self.log) if keep is None else keep)]
        self.log = e.decode_lines(e.encode_lines(self.log, RUN))
        del self.decider
        self.ends.clear()
        self.state = fold(RUN, self.queue, self.log)
        self.now += 1000.0
        self.note(e.RunResumed(at=self.now, max_parallel=self.parallel))
        for job_id, job in self.state.jobs.items():
            if job.phase is Phase.RUNNING:
                lost = e.AttemptFinished(
                    at=self.now, job_id=job_id, attempt=job.attempt, outcome="lost", interrupted=True
                )
                self.note(lost)
        self.decider = Decider(self.state, self.graph)

    def outcomes(self) -> dict[str, str]:
        return {name: str(job.outcome) for name, job in self.state.jobs.items()}

    def order(self) -> list[str]:
        return [event.job_id for event in self.log if isinstance(event, e.AttemptStarted)]

    def because(self, job_id: str) -> dict[str, str]:
        return self.state.jobs[job_id].because
