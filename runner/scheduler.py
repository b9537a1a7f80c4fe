"""Decide, act, record: the loop around the pure core.

Order of writing: the intent event, then the effect, then the result event. Everything that happened since
the last round is folded, decisions follow until there are none, the batch is appended to the log, and only
then the effects are carried out.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runner import events as e
from runner import premises, reported
from runner.decide import Action, Decider, End, Evaluate, Record, Start, StoreResults
from runner.endings import finished
from runner.errors import RunnerError
from runner.evaluator import Evaluator
from runner.expressions import Answer
from runner.graph import Graph
from runner.masking import Masker
from runner.ports import Clock, Executor, Exit, Running, Store
from runner.results import Collected, Collection, Collector
from runner.specs import Place, attempt_directory, handle, spec
from runner.state import Phase, RunPhase, RunState, apply
from runner.stores.disk import trouble
from runner.views import request as evaluation
from runner.wakeups import Wakeups

OnEvents = Callable[[RunState, Sequence[e.Event]], None]
TICK = 0.2
"""Seconds between two looks at requests from elsewhere (and, for live views, two calls of `on_events`)."""
HEARTBEAT = 60.0
_WITH_GRACE = "Ending the jobs; Ctrl-C again ends them at once"
_AT_ONCE = "Ending the jobs at once"


class Scheduler:
    """One run, from its folded state to its end. `state` must be live (run_started or run_resumed)."""

    def __init__(
        self,
        *,
        state: RunState,
        graph: Graph,
        place: Place,
        store: Store,
        executor: Executor,
        clock: Clock,
        notice: Callable[[str], None],
        on_events: OnEvents,
    ) -> None:
        self._state = state
        self._graph = graph
        self._place = place
        self._store = store
        self._executor = executor
        self._clock = clock
        self._notice = notice
        self._on_events = on_events
        self._decider = Decider(state, graph)
        self._evaluator = Evaluator()
        self._wakeups = Wakeups()
        self._collector = Collector(self._wakeups.ring)
        self._batch: list[e.Event] = []
        self._effects: list[Action] = []
        self._attempts: dict[str, tuple[str, int]] = {}  # handle → job, attempt; while it runs
        self._asked: set[str] = set()  # handles that were told to end
        self._trouble: RunnerError | None = None
        self._interrupts: list[str] = []
        self._interrupts_seen = 0
        self._next_look = 0.0
        self._next_shown = 0.0
        self._wakeups.watch("executor", executor.fileno())

    def interrupt(self, reason: str) -> None:
        """End the attempts and stop, resumable; the second time without grace. Safe in signal handlers."""
        self._interrupts.append(reason)
        self._wakeups.ring()

    def run(self) -> RunState:
        """Until the run is finished or interrupted. Raises RunnerError when it cannot be carried on."""
        try:
            while self._state.phase is RunPhase.LIVE:
                self._round()
        except RunnerError as error:
            self._give_up(error)
            raise
        finally:
            self._close()
        return self._state

    def _round(self) -> None:
        if self._interrupts:
            self._stop_attempts()
        else:
            self._decide()
        self._flush()
        if self._state.phase is RunPhase.LIVE:
            self._wait()
            self._gather()
        if self._trouble is not None:  # only now: nothing else that was reported is lost
            raise self._trouble

    # -- deciding

    def _decide(self) -> None:
        now = self._clock.now()
        capacity = self._executor.capacity()
        while True:
            free = capacity - self._state.counts[Phase.RUNNING]
            actions = self._decider.decide(now, free)
            if not actions:
                return
            for action in actions:
                self._take(action, now)

    def _take(self, action: Action, now: float) -> None:
        if isinstance(action, Record):
            self._note(action.event)
            return
        if isinstance(action, Start):
            name = handle(self._state.run_id, action.job_id, action.attempt)
            self._attempts[name] = (action.job_id, action.attempt)
            self._note(e.AttemptStarted(at=now, job_id=action.job_id, attempt=action.attempt, handle=name))
        self._effects.append(action)

    def _note(self, event: e.Event) -> None:
        """Fold an event; it is appended with its batch."""
        apply(self._state, event)
        self._decider.observe(event)
        self._batch.append(event)

    def _flush(self) -> None:
        """The log first, then the effects."""
        batch, effects = self._batch, self._effects
        self._batch, self._effects = [], []
        if batch:
            self._store.append(batch)
        for effect in effects:
            self._carry_out(effect)
        now = self._clock.now()
        if batch or now >= self._next_shown:
            self._next_shown = now + TICK
            self._on_events(self._state, batch)

    def _carry_out(self, action: Action) -> None:
        if isinstance(action, Start):
            job = self._state.jobs[action.job_id]
            self._executor.start(spec(self._state, self._graph, self._place, job, action.attempt))
        elif isinstance(action, End):
            self._executor.cancel(handle(self._state.run_id, action.job_id, action.attempt), action.why)
        elif isinstance(action, Evaluate):
            self._evaluator.submit(evaluation(self._state, self._graph, action.job_id, self._place.git))
        elif isinstance(action, StoreResults):
            self._collector.submit(self._collection(action))

    def _collection(self, action: StoreResults) -> Collection:
        job = self._state.jobs[action.job_id].job
        directory = attempt_directory(self._place.directory, action.job_id, action.attempt)
        return Collection(
            handle=handle(self._state.run_id, action.job_id, action.attempt),
            job_id=action.job_id,
            attempt=action.attempt,
            patterns=job.result_files,
            folder=self._place.checkout / job.working_directory,
            checkout=self._place.checkout,
            target=Path(directory, "results"),
            hidden=frozenset({self._place.checkout / ".runner", self._place.directory}),
            uid=self._place.uid,
        )

    # -- waiting and gathering

    def _wait(self) -> None:
        now = self._clock.now()
        until = [self._next_look]
        due = self._decider.next_due()
        if due is not None and not self._interrupts:
            until.append(due)
        timeout = min(until) - now
        deadline = self._evaluator.deadline()
        if deadline is not None:
            timeout = min(timeout, deadline - time.monotonic())
        self._wakeups.watch("evaluator", self._evaluator.fileno())  # its process comes and goes
        self._wakeups.wait(timeout)

    def _gather(self) -> None:
        for report in self._executor.poll():
            self._reported(report)
        for answer in self._evaluator.poll():
            self._answered(answer)
        for collected in self._collector.poll():
            self._collected(collected)
        now = self._clock.now()
        if now >= self._next_look:
            self._next_look = now + TICK
            self._look(now)

    def _look(self, now: float) -> None:
        """Requests from elsewhere, and a sign of life."""
        for found in self._store.requests():
            self._requested(found, now)
        if now - self._state.last_at >= HEARTBEAT:
            self._note(e.Heartbeat(at=now))

    def _requested(self, found: Mapping[str, Any], now: float) -> None:
        event = reported.cancelling(found, self._state, now)
        if event is not None:
            self._note(event)

    def _answered(self, answer: Answer) -> None:
        if self._state.jobs[answer.job_id].phase is Phase.WAITING:
            self._note(reported.evaluated(answer, self._masker(answer.job_id), self._clock.now()))

    def _collected(self, collected: Collected) -> None:
        if collected.broken is not None:
            self._trouble = trouble("store results in", self._place.directory, collected.broken)
        else:
            self._note(reported.stored(collected, self._clock.now()))

    def _reported(self, report: Running | Exit) -> None:
        job_id, attempt = self._attempts[report.handle]
        now = self._clock.now()
        if isinstance(report, Running):
            self._note(reported.running(report, job_id, attempt, now))
            return
        made = self._state.jobs[job_id].job
        if report.error and not report.lost:  # the job's own trouble, unless what all stand on is gone
            self._trouble = premises.missing(self._place.checkout, self._place.directory, [made])
            if self._trouble is not None:
                return
        del self._attempts[report.handle]
        self._asked.discard(report.handle)
        self._note(
            finished(
                report,
                made,
                attempt,
                at=now,
                directory=attempt_directory(self._place.directory, job_id, attempt),
                masker=self._masker(job_id) if job_id in self._place.given else None,
            )
        )

    def _masker(self, job_id: str) -> Masker:
        given = self._place.given.get(job_id)
        return Masker(given.masks if given else ())

    # -- ending

    def _stop_attempts(self) -> None:
        """After an interrupt: tell every attempt to end; when none runs any more, the run is interrupted."""
        count = len(self._interrupts)  # once: the next signal may come while this is carried out
        fresh = count > self._interrupts_seen
        if fresh:  # said here, since a signal handler must not print
            self._notice(_AT_ONCE if count > 1 else _WITH_GRACE)
        for name in self._attempts:
            if fresh or name not in self._asked:
                self._executor.cancel(name, "interrupted", at_once=count > 1)
                self._asked.add(name)
        self._interrupts_seen = count
        if not self._attempts:
            self._note(e.RunInterrupted(at=self._clock.now(), reason=self._interrupts[0]))

    def _give_up(self, error: RunnerError) -> None:
        """Say in the log why it ends here, if the log can still be written."""
        self._executor.close()
        with contextlib.suppress(RunnerError):
            self._note(e.RunInterrupted(at=self._clock.now(), reason=error.message))
            self._store.append(self._batch)

    def _close(self) -> None:
        self._executor.close()
        self._evaluator.close()
        self._collector.close()
        self._wakeups.close()
