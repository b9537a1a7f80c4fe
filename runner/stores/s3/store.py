"""A run in a bucket, behind the store port."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runner import events as e
from runner.errors import RunIsLiveError, StoreError
from runner.stores.s3.objects import Objects
from runner.stores.s3.requests import LOOK_EVERY, Requests
from runner.stores.s3.segments import Reader, Writer

PLAN = "plan.json"
_CLAIM = "bytes=0-1023"
"""Of a claim: jobs that have their machine's role write there what they want."""


class S3Store:
    """`objects` are those below the run's own place, `upload(name, file)` keeps a file there, `upload_tail`
    the end of one that grows.

    Each process that writes has a `generation` of its own, and a higher one shuts out all lower ones; `claim`
    is what one must have to be it. What is appended is a segment of its own, so whoever appends keeps the
    pace. Requests are looked for every `look_every` seconds, and those from before `since` do not count. All
    methods raise StoreError; FencedError says that a newer generation writes.
    """

    def __init__(
        self,
        objects: Objects,
        run_id: str,
        *,
        upload: Callable[[str, Path], object],
        upload_tail: Callable[[str, Path], object] = lambda _name, _file: None,
        generation: int = 1,
        claim: str = "",
        name: str = "",
        look_every: float = LOOK_EVERY,
        since: float = 0.0,
    ) -> None:
        self.run_id = run_id
        self.generation = generation
        self._objects = objects
        self._upload = upload
        self._upload_tail = upload_tail
        self._claim = claim or f"agent/{generation}"
        name = f"{name or f'{socket.gethostname()}-{os.getpid()}'}-{secrets.token_hex(4)}"
        self._writer = Writer(objects, generation=generation, name=name)
        self._requests = Requests(objects, every=look_every, since=since)
        self._seq = 0
        self._is_open = False

    def create(self, plan: bytes) -> None:
        """Put the run's plan. The same plan again is no trouble; raises StoreError where there is another."""
        if self._objects.create(PLAN, plan):
            return
        found = self._objects.get(PLAN)
        if found is not None and found.body != plan:
            raise StoreError(
                f"there is a run {self.run_id} already, with another plan",
                hint="give the new run an id of its own",
            )

    def lease(self, holder: Mapping[str, Any]) -> None:
        """Claim this generation, for good: whoever comes later takes a higher one. Safe to repeat."""
        body = json.dumps(dict(holder), sort_keys=True).encode()
        if self._objects.create(self._claim, body):
            return
        found = self._objects.get(self._claim, _CLAIM)
        if found is None or found.body != body:
            raise RunIsLiveError(
                f"{self._claim} of run {self.run_id} is taken: "
                f"{_describe(found.body if found is not None else b'')} has it",
                hint=f"`runner status {self.run_id}` tells how it stands",
            )

    def fence(self) -> bytes:
        """Shut out every older generation, and get ready to append; the lines of the whole log."""
        log = self._writer.fence()
        self._seq, self._is_open = log.count(b"\n"), True
        return log

    def open_log(self) -> list[e.Event]:
        return e.decode_lines(self.fence())

    def append(self, events: Sequence[e.Event]) -> None:
        lines = e.encode_lines(events, self.run_id, self._seq + 1)
        self._seq += len(events)
        self.write(lines)

    def write(self, lines: bytes = b"") -> None:
        """Whole lines as another log of this run has them, with the numbers that come next.

        They are taken over at once: after StoreBusyError call again with what has come since, or nothing.
        """
        if not self._is_open:
            raise StoreError(f"the log of {self.run_id} is not open", hint="open_log comes first")
        self._writer.write(lines)

    def beat(self) -> None:
        """A sign of life without a line. Else as `write`."""
        self._writer.beat()

    def sync(self) -> None:
        self.write()

    def events(self, after: int = 0) -> list[e.Event]:
        return e.decode_lines(Reader(self._objects).fresh())[after:]

    def put(self, name: str, file: Path) -> None:
        self._upload(name, file)

    def put_tail(self, name: str, file: Path) -> None:
        """Keep the end of a file that still grows."""
        self._upload_tail(name, file)

    def requests(self) -> list[dict[str, Any]]:
        return self._requests.found()

    def finish(self, log: bytes) -> None:
        """Put the whole log of a run that is over, which is `log`, into one object for readers to come."""
        self.sync()
        self._writer.finish(log)

    def close(self) -> None:
        """Everything is in the bucket. The claim stays: it is for good."""
        if self._is_open:
            self.sync()


def _describe(body: bytes) -> str:
    try:
        holder = json.loads(body)
        named = holder.get("instance_id") or f"process {holder['pid']} on {holder['host']}"
        since = f", since {holder['since']}" if "since" in holder else ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "another process"
    return f"{named}{since}"
