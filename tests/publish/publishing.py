"""Runs that happen in virtual time in a directory, and who publishes them, for the tests of `publish`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner import events as e
from runner.model import Plan
from runner.plan import to_json
from runner.ports import CodeHost
from runner.publish.follow import follow
from runner.publish.target import Target
from runner.publish.watched import Followed, Watched
from runner.report.links import Links
from runner.runs.reading import read
from runner.state import RunState
from tests.builders import RUN_ID, START, Log, plan
from tests.forge_worlds import HEAD, MERGE
from tests.virtual_time import VirtualTime

REPORT = "https://forge.test/octo/lab/actions/runs/7"
TARGET = Target(commit=MERGE, head=HEAD, pull=7, links=Links(report=REPORT))


@dataclass
class Playing:
    """A run of which each event is in its directory from its time on; its process lives until the last one.

    `dies_after`: the process dies with so many events written.
    """

    log: Log
    clock: VirtualTime
    directory: Path
    target: Target = TARGET
    run_id: str = RUN_ID
    dies_after: int | None = None
    written: int = 0
    on_write: dict[int, Callable[[], object]] = field(default_factory=dict)
    """What happens once so many events are written."""

    def alive(self) -> bool:
        events, now, end = self.log.events, self.clock.now(), self.written
        last = len(events) if self.dies_after is None else self.dies_after
        while end < last and events[end].at <= now:
            end += 1
        if end > self.written:
            self.append(events[self.written : end])
        return self.written < last

    def append(self, events: Sequence[e.Event]) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        file = self.directory / "plan.json"
        if not file.exists():
            file.write_bytes(to_json(plan(self.log.queue)))
        with (self.directory / "events.jsonl").open("ab") as log:
            log.write(e.encode_lines(events, self.run_id, self.written + 1))
        self.written += len(events)
        for number in [number for number in self.on_write if number <= self.written]:
            self.on_write.pop(number)()

    def all_at_once(self) -> Playing:
        """It is over: nobody lives any more."""
        self.append(self.log.events[: self.dies_after][self.written :])
        return self

    def read(self) -> tuple[Plan, RunState]:
        return read(self.directory)

    @property
    def watched(self) -> Watched:
        return Watched(where=self.directory, target=self.target, alive=self.alive)


def followed(
    runs: Sequence[Playing] | Playing,
    forge: CodeHost,
    *,
    patience: float = 600.0,
    notice: Callable[[str], None] = lambda _: None,
) -> list[Followed]:
    runs = [runs] if isinstance(runs, Playing) else runs
    clock = runs[0].clock
    return follow(
        [run.watched for run in runs], forge, clock=clock, sleep=clock.sleep, patience=patience, notice=notice
    )


def clock_at_start() -> VirtualTime:
    return VirtualTime(START)
