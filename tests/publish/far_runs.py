"""Runs in a bucket that play in virtual time, for the tests of whoever follows them from elsewhere."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import events as e
from runner.model import Plan
from runner.plan import to_json
from runner.ports import Comment, Status
from runner.publish.asking import Ask, at_once
from runner.publish.follow import follow
from runner.publish.target import Target
from runner.publish.watched import Followed, Watched
from runner.runs.in_bucket import BucketSource
from runner.runs.reading import read
from runner.state import RunState
from runner.stores.s3 import Claims, Found, Location, Writer
from tests.builders import RUN_ID, START, Log, job, plan, queue
from tests.forge_worlds import HEAD, MERGE, InFiles
from tests.publish.publishing import TARGET, Playing
from tests.stores.strict_objects import StrictObjects
from tests.virtual_time import VirtualTime

PLACE = "s3://lab/runner/runs/"
_SPAN = re.compile(r"bytes=(\d*)-(\d*)")


class Memory(StrictObjects):
    """A run's own place, without a network. `before`: called with each request, may raise."""

    def __init__(self, clock: VirtualTime, run_id: str = RUN_ID) -> None:
        super().__init__()
        self.clock = clock
        self.where = Location.parse(PLACE + run_id)
        self.before: list[Callable[[str, str], None]] = []
        self.trouble = self._each

    def _each(self, what: str, name: str) -> None:
        self.ticks = self.clock.now()
        for one in self.before:
            one(what, name)

    def get(self, name: str, span: str = "") -> Found | None:
        found = super().get(name)
        if found is None or not span:
            return found
        first, last = _SPAN.fullmatch(span).groups()  # type: ignore[union-attr]
        part = found.body[int(first) : int(last) + 1 if last else None] if first else found.body[-int(last) :]
        return Found(body=part, modified=found.modified, etag=found.etag, metadata=found.metadata)

    def put(self, name: str, body: bytes) -> None:
        self.held[name] = Found(body=body, modified=self.clock.now())


@dataclass
class Far:
    """A run of which each event is in the bucket from its time on, looked at by whoever reads it.

    `lives`: somebody works on it, or will; by default until all is written.
    """

    log: Log
    clock: VirtualTime
    target: Target = TARGET
    run_id: str = RUN_ID
    generation: int = 1000
    written: int = 0
    lives: Callable[[], bool] | None = None
    waits: Callable[[], str] = lambda: ""
    asked: list[float] = field(default_factory=list)
    """When somebody asked whether it is alive."""

    def __post_init__(self) -> None:
        self.bucket = Memory(self.clock, self.run_id)
        self.writer = Writer(self.bucket, generation=self.generation, name="i-0abc")
        self.bucket.put("plan.json", to_json(plan(self.log.queue)))
        self._playing = False
        self._opened = False
        self.bucket.before.append(lambda what, _name: self.play() if what == "get" else None)

    def play(self) -> None:
        """Write what has happened by now."""
        if self._playing:  # its own requests are no readers
            return
        events, end = self.log.events, self.written
        while end < len(events) and events[end].at <= self.clock.now():
            end += 1
        if end > self.written:
            self._playing = True
            self.append(events[self.written : end])
            self._playing = False

    def append(self, events: Sequence[e.Event]) -> None:
        trouble, self.bucket.trouble = self.bucket.trouble, lambda _what, _name: None
        self.bucket.ticks = self.clock.now()
        if not self._opened:
            self.writer.fence()
            self._opened = True
        self.writer.write(e.encode_lines(events, self.run_id, self.written + 1))
        self.written += len(events)
        self.bucket.trouble = trouble

    def put(self, body: bytes) -> None:
        """Whatever somebody else writes as the next segment."""
        number = sum(name.startswith("events/") for name in self.bucket.held) + 1
        self.bucket.put(f"events/{number:06d}.jsonl", body)

    def all_at_once(self) -> Far:
        self.append(self.log.events[self.written :])
        return self

    def alive(self) -> bool:
        self.asked.append(self.clock.now())
        self.play()
        return self.lives() if self.lives is not None else self.written < len(self.log.events)

    def source(self) -> BucketSource:
        return BucketSource(self.bucket)  # type: ignore[arg-type]

    def read(self) -> tuple[Plan, RunState]:
        return read(self.source())

    def watched(self, seen: Callable[[Any], Any] = lambda bucket: bucket) -> Watched:
        """For a follower of its own, which has `seen(bucket)` for the bucket where it writes there."""
        return Watched(
            where=self.source(),
            target=self.target,
            alive=self.alive,
            waiting=self.waits,
            claims=Claims(seen(self.bucket)),
        )


def follow_far(
    runs: Sequence[Far | Playing] | Far,
    forge: Any,
    *,
    ask: Ask = at_once,
    seen: Callable[[Any], Any] = lambda bucket: bucket,
    **more: Any,
) -> list[Followed]:
    runs = [runs] if isinstance(runs, Far) else runs
    clock = runs[0].clock
    watched = [run.watched(seen) if isinstance(run, Far) else run.watched for run in runs]
    return follow(watched, forge, clock=clock, sleep=clock.sleep, ask=ask, **more)


class Slow(Future[Any]):
    """An answer that comes at its time."""

    def __init__(self, question: Callable[[], Any], clock: VirtualTime, at: float) -> None:
        super().__init__()
        self.question, self.clock, self.at = question, clock, at
        self.asked = False

    def done(self) -> bool:
        if not self.asked and self.clock.now() >= self.at:
            self.asked = True
            given = at_once(self.question)
            error = given.exception()
            self.set_exception(error) if error is not None else self.set_result(given.result())
        return super().done()


def slow(clock: VirtualTime, seconds: float) -> Ask:
    return lambda question: Slow(question, clock, clock.now() + seconds)


class Board:
    """The forge that keeps files, and all that is written there with its time."""

    def __init__(self, folder: Path, clock: VirtualTime) -> None:
        self.forge, self.clock = InFiles(folder / "forge", clock).forge, clock
        self.set: list[tuple[float, str, Status]] = []
        self.said: list[tuple[float, str]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.forge, name)

    def set_status(self, commit: str, status: Status) -> None:
        self.set.append((self.clock.now() - START, commit, status))
        self.forge.set_status(commit, status)

    def add_comment(self, pull: int, body: str) -> Comment:
        self.said.append((self.clock.now() - START, body))
        return self.forge.add_comment(pull, body)

    def edit_comment(self, comment: Comment, body: str) -> None:
        self.said.append((self.clock.now() - START, body))
        self.forge.edit_comment(comment, body)

    def words(self, context: str = "runner/demo") -> list[str]:
        """What the status said, one after the other."""
        return [f"{s.state}: {s.description}" for _, c, s in self.set if (c, s.context) == (MERGE, context)]

    def shown(self) -> object:
        """Everything as it is in the end."""
        statuses = {
            c: {(s.context, s.state, s.description) for s in self.forge.statuses(c)} for c in (MERGE, HEAD)
        }
        return statuses, [(c.minimized, c.body) for c in self.forge.comments(7)]

    def kinds(self) -> list[str]:
        """Of the comments, those that are folded in parentheses."""
        found = [(c.body.split()[1].removeprefix("runner:"), c.minimized) for c in self.forge.comments(7)]
        return [f"({kind})" if folded else kind for kind, folded in found]

    def final(self) -> str:
        return next(c.body for c in self.forge.comments(7) if "runner:final" in c.body and not c.minimized)


def later(log: Log, seconds: float) -> Log:
    """The same, once its machine has booted."""
    log.events = [dataclasses.replace(event, at=event.at + seconds) for event in log.events]
    return log


def interrupted() -> Log:
    """Its machine is taken back after a job, in the middle of another."""
    log = Log(queue(job("a"), job("b", "a")))
    log.events.insert(1, launched("i-0first", 0.0))
    log.whole("a", 1.0, 9.0).start("b", 10.5)
    log.end("b", 40.0, "lost", interrupted=True, exit_code=None)
    return log.add(e.RunInterrupted(at=START + 41.0, reason="EC2 takes the machine back"))


def launched(name: str, at: float) -> e.InstanceLaunched:
    return e.InstanceLaunched(
        at=START + at, instance_id=name, machine_type="m7i.large", zone="eu-west-1a", spot=True
    )


def going_on(log: Log, at: float) -> Log:
    """On another machine."""
    lost = e.InstanceLost(at=START + at, instance_id="i-0first", reason="EC2 took its spot machine back")
    log.add(lost, launched("i-0second", at), e.RunResumed(at=START + at, max_parallel=4))
    log.add(e.JobRetrying(at=START + at, job_id="b", attempt=1, delay=0.0, free=True))
    return log.whole("b", at + 1.0, 5.0).over(at + 7.0)


BY_THE_WRITER = b'{"segment": 3, "generation": 1000, "writer": "i-0abc"}\n'


FUTURE = b'{"type": "heartbeat", "at": "9999-12-31T23:59:59.000000Z"}\n'
