"""Reading a run from its files alone, also while it is live: the plan, and the fold of its log."""

from __future__ import annotations

import math

from runner import plan as plans
from runner.errors import LogError
from runner.events import Event, decode, format_time
from runner.model import Plan
from runner.runs.source import Where, source_of
from runner.state import RunState, apply


def read(where: Where) -> tuple[Plan, RunState]:
    """The plan and the state of a run. Raises RunnerError subclasses where there is none."""
    tail = Tail(source_of(where).again())
    tail.poll()
    return tail.plan, tail.state


SKEW = 3600.0
"""Seconds by which the clocks of two machines may differ: S3 refuses one that is a quarter of an hour off."""


class Tail:
    """A run that is read as it grows: `poll` folds what is new. Holds no lock and no open file."""

    def __init__(self, where: Where) -> None:
        self.source = source_of(where)
        self.plan = plans.from_json(self.source.plan_bytes())
        self.state = RunState.new(self.source.run_id(), self.plan.queue)

    def poll(self, *, latest: float = math.inf) -> list[Event]:
        """Fold the events that were appended since the last call, and return them. A torn last line waits.

        No event can be later than `latest`, seconds since the epoch.
        """
        try:
            lines = self.source.fresh()
        except LogError:
            self.fold(self.source.left(), latest=latest)
            raise
        return self.fold(lines, latest=latest)

    def fold(self, lines: bytes, *, latest: float = math.inf) -> list[Event]:
        """Fold what the source had, where somebody else has asked it."""
        events = []
        for line in lines.removesuffix(b"\n").split(b"\n") if lines else ():
            try:
                event = decode(line)
                if event.at > latest:
                    raise LogError(f"it says to have been written {format_time(event.at)}")
                apply(self.state, event)
            except LogError as error:
                raise LogError(
                    f"{self.source}/events.jsonl, event {self.state.seq + 1}: {error.message}",
                    hint="the log was changed by something other than runner; its earlier lines still hold",
                ) from error
            events.append(event)
        return events


def read_plan(where: Where) -> Plan:
    """Raises NotFoundError where there is no run."""
    return plans.from_json(source_of(where).plan_bytes())


def read_run_id(where: Where) -> str:
    """As the run's own files say; the last part of its place where they do not."""
    return source_of(where).run_id()
