"""The log as immutable segments, `events/NNNNNN.jsonl`, with one writer at a time.

Laws, by which an old writer that wakes up cannot add a line:

1. A number is written once (`If-None-Match: *`), and only when the one before it exists: there are no gaps.
2. Each segment's first line names its generation and its writer. A generation has one writer, and a writer
   that finds a place taken by a higher generation, or by another writer of its own, is fenced: it has ended.
3. A new generation's first act is a segment of its own at the first free number, the fence. What came before
   it is the whole log. An older writer must pass that number to get any further, and cannot; a write of it
   that was under way is for that number or a lower one, and too late.

A reply that was lost is no trouble: a place that is taken by our own bytes is ours. So a segment never
changes between two tries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from runner.errors import FencedError, LogError, StoreBusyError
from runner.stores.s3.objects import Found, Objects, Readable
from runner.units import format_size

WHOLE = "events.jsonl"
_AT_ONCE = 32
MOST = 500_000
"""Segments that a log may have: one every two seconds for eleven days."""


def segment_name(number: int) -> str:
    return f"events/{number:06d}.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """`lines`: whole lines of the log; none in a fence."""

    number: int
    generation: int
    writer: str
    lines: bytes = b""

    def encode(self) -> bytes:
        head = {"segment": self.number, "generation": self.generation, "writer": self.writer}
        return json.dumps(head).encode() + b"\n" + self.lines

    @classmethod
    def decode(cls, number: int, body: bytes) -> Segment:
        """Raises LogError."""
        head, _, lines = body.partition(b"\n")
        try:
            record = json.loads(head)
            generation, writer = int(record["generation"]), str(record["writer"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise LogError(
                f"{segment_name(number)} does not say who wrote it",
                hint="the log was changed by something other than runner; its earlier segments still hold",
            ) from error
        if lines and not lines.endswith(b"\n"):
            raise LogError(
                f"{segment_name(number)} ends in the middle of a line",
                hint="the log was changed by something other than runner; its earlier segments still hold",
            )
        return cls(number=number, generation=generation, writer=writer, lines=lines)


class Reader:
    """Reads a log as it grows. Never lists: it asks for the next segment until there is none.

    `number`: the last segment read. `generation`, `writer`: who wrote last. `modified`: when, by the store's
    clock. `told`: the generation of the last line; a newer one may have shut that out, and said nothing yet.
    `whole_etag`: the version of the whole log that was found. `at_once`: requests in parallel. `most`: bytes
    of lines beyond which it is no log of ours; 0: any number.
    """

    def __init__(self, objects: Readable, *, at_once: int = _AT_ONCE, most: int = 0) -> None:
        self._objects = objects
        self._at_once = at_once
        self._most = most
        self._begun = False
        self._lines: list[bytes] = []
        self._size = 0
        self.number = 0
        self.generation = 0
        self.told = 0
        self.writer = ""
        self.modified = 0.0
        self.whole_etag = ""

    def fresh(self) -> bytes:
        """The lines that were written since the last call. After StoreBusyError call it again: none is lost.

        Raises LogError where there is something that no runner writes; `left` has what came before it.
        """
        self._read_on()
        return self.left()

    def left(self) -> bytes:
        """What was read, and given to nobody yet."""
        lines, self._lines = self._lines, []
        return b"".join(lines)

    def _read_on(self) -> None:
        if not self._begun:
            self._lines.append(self._whole())
            self._begun = True
        found = 0  # as many at once as were there already: one that is new costs two requests
        while True:
            width = min(max(1, found), self._at_once)
            for one in self._get(range(self.number + 1, self.number + 1 + width)):
                if one is None:
                    return
                self._lines.append(self._read(one))
                found += 1

    def _whole(self) -> bytes:
        """The log of a run that is over is one object, which says how many segments it holds."""
        found = self._objects.get(WHOLE)
        if found is None:
            return b""
        self.whole_etag, self.modified = found.etag, found.modified
        try:
            self.number = int(found.metadata["segments"])
            self.generation = int(found.metadata["generation"])
            self.writer = found.metadata["writer"]
            if not 0 <= self.number <= MOST:
                raise ValueError("no number of segments")
        except (KeyError, ValueError):  # put there by hand: the segments are what counts
            self.number, self.generation, self.writer = 0, 0, ""
            return b""
        self._size, self.told = len(found.body), self.generation
        return found.body

    def _get(self, numbers: range) -> Iterator[Found | None]:
        """All at once, given in order: what was there before one that fails counts."""
        names = [segment_name(number) for number in numbers]
        if len(names) == 1:
            yield self._objects.get(names[0])
            return
        with ThreadPoolExecutor(len(names), thread_name_prefix="segments") as pool:
            yield from pool.map(self._objects.get, names)

    def _read(self, found: Found) -> bytes:
        segment = Segment.decode(self.number + 1, found.body)
        self._size += len(segment.lines)
        if self._most and (self._size > self._most or self.number >= MOST):
            raise LogError(
                f"the log has more than {format_size(self._most)}, which no runner writes"
                if self._size > self._most
                else f"the log has more than {MOST:,} segments, which no runner writes",
                hint="look at it by hand: something other than runner writes there",
            )
        self.number += 1
        self.modified = max(self.modified, found.modified)
        if segment.generation < self.generation:
            return b""  # only where a store does not keep the first law: a fenced line does not count
        self.generation, self.writer = segment.generation, segment.writer
        self.told = segment.generation if segment.lines else self.told
        return segment.lines


class Writer:
    """Writes for one generation, under a `name` that no other process has. `fence` comes first."""

    def __init__(self, objects: Objects, *, generation: int, name: str, at_once: int = _AT_ONCE) -> None:
        self.generation = generation
        self.name = name
        self._objects = objects
        self._reader = Reader(objects, at_once=at_once)
        self._read: list[bytes] = []
        self._number = 0
        self._frozen: Segment | None = None
        self._waiting: list[bytes] = []

    @property
    def number(self) -> int:
        """The last segment that is known to be there."""
        return self._number

    @property
    def whole_etag(self) -> str:
        return self._reader.whole_etag

    def fence(self) -> bytes:
        """Shut out every older generation; the lines of the whole log. After StoreBusyError call it again.

        Raises FencedError where this generation is not the newest, or has a writer already.
        """
        while True:
            self._read.append(self._reader.fresh())
            self._check(self._reader.generation, self._reader.writer)
            ours = (self._reader.generation, self._reader.writer) == (self.generation, self.name)
            if ours or self._create(self._segment(self._reader.number + 1)):
                self._number = self._reader.number + (not ours)
                return b"".join(self._read)

    def write(self, lines: bytes = b"") -> None:
        """Put whole lines at the end of the log.

        Lines are taken over at once: after StoreBusyError call again with what has come since, or nothing.
        Raises FencedError where a newer generation writes; then nothing will be written any more.
        """
        if lines:
            self._waiting.append(lines)
        while self._frozen or self._waiting:
            if self._frozen is None:
                self._frozen = self._segment(self._number + 1, b"".join(self._waiting))
                self._waiting.clear()
            self._place(self._frozen)
            self._number, self._frozen = self._frozen.number, None

    def beat(self) -> None:
        """A sign of life where no line is ready to be written: a segment without lines. Else as `write`."""
        if self._frozen is None and not self._waiting:
            self._frozen = self._segment(self._number + 1)
        self.write()

    def finish(self, lines: bytes) -> None:
        """Put the whole log, which is `lines`, into one object for readers to come. Safe to repeat."""
        said = {"segments": str(self.number), "generation": str(self.generation), "writer": self.name}
        etag = self.whole_etag
        while not self._objects.replace(WHOLE, lines, etag, said):
            found = self._objects.get(WHOLE)
            if found is not None and _generation(found) >= self.generation:
                return  # ours, and the reply was lost; or of a newer one, whose log is longer
            etag = found.etag if found is not None else ""

    def _segment(self, number: int, lines: bytes = b"") -> Segment:
        return Segment(number=number, generation=self.generation, writer=self.name, lines=lines)

    def _place(self, segment: Segment) -> None:
        if self._create(segment):
            return
        found = self._objects.get(segment_name(segment.number))
        if found is None:
            raise StoreBusyError(f"{segment_name(segment.number)} is there and is not", hint="try again")
        if found.body == segment.encode():
            return
        other = Segment.decode(segment.number, found.body)
        self._check(other.generation, other.writer)
        raise LogError(
            f"{segment_name(other.number)} is of generation {other.generation}, "
            f"which generation {self.generation} had shut out",
            hint="the bucket does not keep conditional writes, or was changed by something other than runner",
        )

    def _create(self, segment: Segment) -> bool:
        return self._objects.create(segment_name(segment.number), segment.encode())

    def _check(self, generation: int, writer: str) -> None:
        """Whether whoever wrote this shuts us out."""
        if generation > self.generation or (generation == self.generation and writer != self.name):
            raise FencedError(
                f"generation {generation} ({writer}) writes this run's log now; "
                f"generation {self.generation} ({self.name}) is over",
                hint="nothing more is run here",
            )


def _generation(whole: Found) -> int:
    said = whole.metadata.get("generation", "")
    return int(said) if said.isdecimal() else 0
