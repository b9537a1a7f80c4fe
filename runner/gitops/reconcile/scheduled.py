"""Queues whose cron lines came due since the last pass: each runs once, as the default branch has it now.

A slot that was taken is in the cursor. Where the pass that took it died before it could say so, its status
tells: it leads to a pass that is newer than the cursor.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from runner import document
from runner import plan as plans
from runner.agent.order import Order
from runner.config import Config
from runner.errors import RunnerError
from runner.gitops.artifacts.kept import led_to
from runner.gitops.merge.agreement import Candidate
from runner.gitops.merge.due import Decision, Due
from runner.gitops.merge.identity import run_id
from runner.gitops.merge.merging import planned
from runner.gitops.merge.sorting import sort
from runner.gitops.reconcile.cron import due_times
from runner.gitops.reconcile.cursor import Cursor
from runner.gitops.reconcile.reads import Reads, ReadsSpentError, is_pass
from runner.gitops.reconcile.window import Window
from runner.gitops.repository import history
from runner.gitops.run.performing import Stage, Start
from runner.gitops.run.targets import run_directory, target_of
from runner.model import Plan
from runner.ports import Status
from runner.prepare.discovery import is_queue_file
from runner.problems import shorten
from runner.publish.refusal import is_claim
from runner.report.statuses import PENDING, context_of
from runner.runs.reading import read
from runner.state import RunPhase

_WORDS = (b"schedule", b"template")
MOST_FILES = 300
"""Queue files of the default branch that are planned to see whether they are due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A queue that is due at `at`. `there`: the status of ours that its own comes after."""

    candidate: Candidate
    plan: Plan
    at: float
    since: float
    there: Status | None = None

    @property
    def source(self) -> str:
        return self.candidate.due.source

    @property
    def context(self) -> str:
        return context_of(self.plan.queue.queue_id)


@dataclass(kw_only=True)
class Scheduled:
    """`waiting`: files whose slots are looked at again by the next pass, from that time on."""

    slots: list[Slot] = field(default_factory=list)
    waiting: dict[str, float] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    failed: bool = False


def scheduled(window: Window, cursor: Cursor, config: Config, reads: Reads, stack: ExitStack) -> Scheduled:
    """Asks and plans, starts nothing. `config` is that of the head."""
    search = _Search(window=window, cursor=cursor, config=config, reads=reads)
    sources = search.sources()
    if len(sources) > MOST_FILES:
        left = len(sources) - MOST_FILES
        search.found.said.append(f"{left} queue files are not looked at for schedules: too many")
    due = tuple(Due(source=source, commit=window.head) for source in sources[:MOST_FILES])
    for candidate in planned(Decision(due=due), config, reads.stage, stack) if due else ():
        slot = search.slot(candidate)
        if slot is not None:
            search.sort_out(slot)
    return search.found


def start_of(slot: Slot, config: Config, stage: Stage) -> Start | None:
    """The run of this slot, the same one whoever starts it; None where it is over."""
    due, queue_id = slot.candidate.due, slot.plan.queue.queue_id
    name = run_id(
        queue_id,
        repository=stage.context.repository,
        commit=due.commit,
        path=due.source,
        at=slot.at,
        salt=f"schedule {said(slot.at)}",
    )
    if stage.site is not None:
        # Imported here: the SDK takes longer to load than a run without it to begin.
        from runner.gitops.merge.on_machine import start_on_machine  # noqa: PLC0415

        shown = target_of(due.commit, None, config, stage)
        return start_on_machine(name, slot.candidate, shown, stage, stage.site)
    directory = run_directory(stage, name)
    order = Order(
        action="start",
        run_id=name,
        directory=directory,
        checkout=slot.candidate.folder,
        plan=plans.to_json(slot.plan).decode(),
    )
    if (directory / "plan.json").exists():  # only where a machine serves several passes
        if read(directory)[1].phase is RunPhase.FINISHED:
            return None
        order = Order(action="resume", run_id=name, directory=directory, checkout=slot.candidate.folder)
    target = target_of(due.commit, None, config, stage)
    return Start(run_id=name, source=due.source, where=directory, target=target, order=order)


def said(at: float) -> str:
    """`2026-11-22 03:00 UTC`"""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


@dataclass(kw_only=True)
class _Search:
    window: Window
    cursor: Cursor
    config: Config
    reads: Reads
    found: Scheduled = field(default_factory=Scheduled)

    @property
    def stage(self) -> Stage:
        return self.reads.stage

    def sources(self) -> list[str]:
        """Files with the word in them, or a template, which may have it."""
        checkout = self.stage.context.checkout
        entries = [
            entry
            for entry in history.listed(checkout, self.window.head)
            if entry.is_file and is_queue_file(entry.path, self.config) and entry.path.isprintable()
        ]
        found = history.contents(checkout, entries, limit=document.MAX_BYTES)
        return [e.path for e, raw in found if any(w in raw for w in _WORDS) or not raw[:1].isascii()]

    def slot(self, candidate: Candidate) -> Slot | None:
        """The newest time at which it was due since it was looked at last, None for none."""
        plan, source = candidate.planned.plan, candidate.due.source
        if plan is None or not self.stage.takes(plan):
            return None
        if not plan.queue.schedule or plan.queue.run_on == "manual":
            return None
        since = max(self.cursor.waiting.get(source, self.cursor.at), self._came(source))
        now = self.stage.clock.now()
        times = sorted({at for line in plan.queue.schedule for at in due_times(line, since, now)})
        if not times:
            return None
        if len(times) > 1:
            self.found.said.append(_skipped(source, times))
        return Slot(candidate=candidate, plan=plan, at=times[-1], since=since)

    def _came(self, source: str) -> float:
        """When the file was added, if that was since the cursor: before, it had no schedule."""
        checkout, commits = self.stage.context.checkout, self.window.commits
        if not commits or history.entry(checkout, self.cursor.commit, source) is not None:
            return 0.0
        first = next((commit for commit, paths in commits if source in paths), "")
        return history.commit_time(checkout, first) if first else 0.0

    def sort_out(self, slot: Slot) -> None:
        found, words = self.found, f"{shorten(slot.source)}, due at {said(slot.at)},"
        refused = sort([slot.candidate], self.config.gitops, {}, by_hand=True).refused
        if refused:
            found.said.append(f"{words} is not started: {refused[0].sentence}")
            return
        try:
            there = self.reads.ours_now(self.window.head).get(slot.context)
            if self._was_taken(slot):
                found.said.append(f"{words} was started by another pass")
            elif there is not None and self._is_busy(there):
                # Two runs of one queue would write the same statuses.
                found.waiting[slot.source] = slot.since
                found.said.append(f"{words} waits: a run of the queue goes on")
            else:
                found.slots.append(replace(slot, there=there))
        except RunnerError as error:
            found.failed |= not isinstance(error, ReadsSpentError)
            found.waiting[slot.source] = slot.since
            found.said.append(f"{words} is left to the next pass: {error.message}")

    def _was_taken(self, slot: Slot) -> bool:
        """The head may have moved on since another pass took the slot."""
        commits = dict.fromkeys([self.window.head, *self.window.recent])
        seen = (self.reads.ours(commit).get(slot.context) for commit in commits)
        return any(self._took(status, slot) for status in seen if status is not None)

    def _took(self, status: Status, slot: Slot) -> bool:
        """Whether another pass than those that the cursor knows of has started this slot, or is about to.

        The pass that left the cursor knew of all before it, but for files that it left waiting.
        """
        number = led_to(status.target, self.stage.context)
        known = 0 if slot.source in self.cursor.waiting else self.cursor.origin
        if status.at < slot.at or number <= known or number == self.cursor.origin:
            return False
        run = self.reads.workflow_run(number)
        if run is None or not is_pass(run, self.stage):
            return False
        return not self.reads.is_over(run) or not is_claim(status)

    def _is_busy(self, status: Status) -> bool:
        number = led_to(status.target, self.stage.context)
        run = self.reads.workflow_run(number) if number and status.state == PENDING else None
        return run is not None and not self.reads.is_over(run)


def _skipped(source: str, times: Sequence[float]) -> str:
    missed = ", ".join(map(said, times[-4:-1])) + (" and earlier ones" if len(times) > 4 else "")
    return f"{shorten(source)}: only the newest time is run, missed were {missed}"
