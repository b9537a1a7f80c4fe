"""Objects in memory, as strict as S3 promises to be, and writers that race for them step by step.

A step is one request of one writer. Writers are run again from their start for each step, with the replies
they had so far: nothing runs side by side, every order of requests can be tried, and none by chance.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from runner.errors import FencedError, StoreBusyError
from runner.stores.s3.objects import Found, Listed
from runner.stores.s3.segments import Reader, Segment, Writer, segment_name


class StrictObjects:
    """A conditional write succeeds once; a version that is not the newest is refused; time goes on."""

    def __init__(self, held: Mapping[str, Found] | None = None) -> None:
        self.held = dict(held or {})
        self.ticks = 0.0
        self.asked: list[tuple[str, str]] = []
        self.trouble: Callable[[str, str], None] = lambda _what, _name: None
        """Called before each request with what and which; may raise."""

    def get(self, name: str, span: str = "") -> Found | None:
        self._ask("get", name)
        return self.held.get(name)

    def create(self, name: str, body: bytes) -> bool:
        return self.replace(name, body, "", {})

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str]) -> bool:
        self._ask("put", name)
        there = self.held.get(name)
        if (there.etag if there is not None else "") != etag:
            return False
        version = hashlib.sha256(body).hexdigest()  # the same bytes are the same version
        self.held[name] = Found(
            body=bytes(body), modified=self.ticks, etag=f'"{version}"', metadata=dict(metadata)
        )
        return True

    def delete(self, name: str) -> None:
        self._ask("delete", name)
        self.held.pop(name, None)

    def names(self, prefix: str) -> Sequence[Listed]:
        self._ask("list", prefix)
        return [
            Listed(name=name, size=len(found.body), modified=found.modified)
            for name, found in sorted(self.held.items())
            if name.startswith(prefix)
        ]

    def now(self) -> float:
        return self.ticks

    def _ask(self, what: str, name: str) -> None:
        self.ticks += 1
        self.asked.append((what, name))
        self.trouble(what, name)


class _Pause(BaseException):
    """The writer has no reply yet to this request."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self.request = request


Request: TypeAlias = tuple[str, str, bytes]
Reply: TypeAlias = bytes | bool | str | None
"""What was answered, of an object its body; the word "busy" for a reply that never came."""


class _Replayed:
    """Answers what it was told to answer; the first request beyond that pauses its writer."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = iter(replies)

    def get(self, name: str, span: str = "") -> Found | None:
        body = self._next(("get", name, b""))
        return None if body is None else Found(body=body)

    def create(self, name: str, body: bytes) -> bool:
        return bool(self._next(("create", name, body)))

    def _next(self, request: Request) -> Any:
        for reply in self._replies:
            if reply == "busy":
                raise StoreBusyError("no answer")
            return reply
        raise _Pause(request)


@dataclass(frozen=True)
class Ended:
    """How a writer ended: the log it found, the lines it knows to be written."""

    opened: bool
    found: bytes = b""
    known: tuple[bytes, ...] = ()
    fenced: bool = False


@dataclass(frozen=True)
class Racer:
    """A writer of a generation with lines to write, each in a call of its own. Tries for ever."""

    generation: int
    lines: tuple[bytes, ...]
    name: str = "w"

    def run(self, replies: tuple[Reply, ...]) -> Ended | Request:
        """How it ends with these replies, or what it asks next."""
        return _run(self, replies)

    def again(self, replies: tuple[Reply, ...]) -> Ended | Request:
        objects: Any = _Replayed(replies)
        writer = Writer(objects, generation=self.generation, name=self.name, at_once=1)
        ended = Ended(opened=False)
        try:
            ended = replace(ended, found=_stubborn(writer.fence), opened=True)
            for line in self.lines:
                _stubborn(lambda line=line: writer.write(line), writer.write)
                ended = replace(ended, known=(*ended.known, line))
        except FencedError:
            return replace(ended, fenced=True)
        except _Pause as pause:
            return pause.request
        return ended


@functools.lru_cache(maxsize=100_000)
def _run(racer: Racer, replies: tuple[Reply, ...]) -> Ended | Request:
    """Many orders of a race differ only in what others asked meanwhile."""
    return racer.again(replies)


def _stubborn(first: Callable[[], Any], again: Callable[[], Any] | None = None) -> Any:
    try:
        return first()
    except StoreBusyError:
        return _stubborn(again or first)


@dataclass(frozen=True)
class World:
    """A moment of a race. `late`: writes that were sent and have not arrived. `faults`: how many may come."""

    racers: tuple[Racer, ...]
    replies: tuple[tuple[Reply, ...], ...]
    held: tuple[tuple[str, bytes], ...] = ()
    late: tuple[tuple[str, bytes], ...] = ()
    faults: int = 0

    def moves(self) -> Iterator[World]:
        """Every moment that can be next."""
        for at, racer in enumerate(self.racers):
            asked = racer.run(self.replies[at])
            if isinstance(asked, Ended):
                continue
            what, name, body = asked
            there = dict(self.held).get(name)
            if what == "get":
                yield self._replied(at, there)
                continue
            stored = self if there is not None else self._stored(name, body)
            yield stored._replied(at, there is None)
            if self.faults:
                fewer = replace(stored, faults=self.faults - 1)
                yield fewer._replied(at, "busy")  # carried out, and the reply was lost
                late = replace(self, late=(*self.late, (name, body)), faults=self.faults - 1)
                yield late._replied(at, "busy")  # on its way for longer than its sender waits
        for at, (name, body) in enumerate(self.late):
            rest = replace(self, late=self.late[:at] + self.late[at + 1 :])
            yield rest if name in dict(self.held) else rest._stored(name, body)

    def _stored(self, name: str, body: bytes) -> World:
        return replace(self, held=tuple(sorted((*self.held, (name, body)))))

    def _replied(self, at: int, reply: Reply) -> World:
        replies = (*self.replies[at], reply)
        return replace(self, replies=(*self.replies[:at], replies, *self.replies[at + 1 :]))

    def ends(self) -> list[Ended]:
        """Of those writers that have ended."""
        ends = [racer.run(replies) for racer, replies in zip(self.racers, self.replies, strict=True)]
        return [end for end in ends if isinstance(end, Ended)]


def race(*racers: Racer, faults: int = 0) -> World:
    return World(racers=racers, replies=((),) * len(racers), faults=faults)


@dataclass
class Explored:
    """Every moment that a race can come to, each once."""

    worlds: list[World] = field(default_factory=list)

    @classmethod
    def of(cls, start: World) -> Explored:
        seen, waiting = {start: None}, [start]
        while waiting:
            for world in waiting.pop().moves():
                if world not in seen:
                    seen[world] = None
                    waiting.append(world)
        return cls(worlds=list(seen))


def segments(held: Mapping[str, bytes]) -> list[Segment]:
    """In order; no number may be missing."""
    numbers = range(1, len(held) + 1)
    assert set(held) == {segment_name(number) for number in numbers}
    return [Segment.decode(number, held[segment_name(number)]) for number in numbers]


def check_log(held: Mapping[str, bytes]) -> list[Segment]:
    """What must hold of a log at every moment, whoever writes."""
    found = segments(held)
    writers = [(one.generation, one.writer) for one in found]
    assert writers == sorted(writers, key=lambda one: one[0]), "an older generation wrote after a newer one"
    assert len({generation for generation, _ in writers}) == len(set(writers)), "a generation has one writer"
    lines = b"".join(one.lines for one in found).splitlines()
    assert len(lines) == len(set(lines)), "a line was written twice"
    objects = StrictObjects({name: Found(body=body) for name, body in held.items()})
    assert Reader(objects, at_once=1).fresh() == b"".join(one.lines for one in found)
    return found


def check_ended(found: Sequence[Segment], racer: Racer, end: Ended) -> None:
    """What must hold of one writer that has ended."""
    own = [one for one in found if (one.generation, one.writer) == (racer.generation, racer.name)]
    if end.opened:
        before = [one.lines for one in found if one.number < own[0].number]
        assert own[0].lines == b""
        assert end.found == b"".join(before), "a new generation did not see the whole log before its own"
    written = b"".join(one.lines for one in own)
    assert written.startswith(b"".join(end.known)), "a line that was acknowledged is lost or out of order"
    assert b"".join(racer.lines).startswith(written)
    assert end.fenced or end.known == racer.lines
