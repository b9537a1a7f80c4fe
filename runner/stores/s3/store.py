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
from runner.stores.s3.shipping import EVERY, OnTrouble, Shipper

PLAN = "plan.json"


class S3Store:
    """`objects` are those below the run's own place, `upload(name, file)` keeps a file there.

    Each process that writes has a `generation` of its own, and a higher one shuts out all lower ones.
    Appended events are visible within `every` seconds and one request, at once after `sync`; requests are
    looked for every `look_every` seconds. All methods raise StoreError; FencedError says that a newer
    generation writes.
    """

    def __init__(
        self,
        objects: Objects,
        run_id: str,
        *,
        upload: Callable[[str, Path], object],
        generation: int = 1,
        every: float = EVERY,
        look_every: float = LOOK_EVERY,
        on_trouble: OnTrouble | None = None,
    ) -> None:
        self.run_id = run_id
        self.generation = generation
        self._objects = objects
        self._upload = upload
        self._every = every
        self._on_trouble = on_trouble
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._writer = Writer(objects, generation=generation, name=name)
        self._shipper: Shipper | None = None
        self._requests = Requests(objects, every=look_every)
        self._seq = 0
        self._is_over = False

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
        """Claim this generation, for good: whoever comes later takes a higher one."""
        claim, body = f"agent/{self.generation}", json.dumps(dict(holder), sort_keys=True).encode()
        if self._objects.create(claim, body):
            return
        found = self._objects.get(claim)
        if found is None or found.body != body:
            raise RunIsLiveError(
                f"generation {self.generation} of run {self.run_id} is taken: "
                f"{_describe(found.body if found is not None else b'')} has it",
                hint=f"`runner status {self.run_id}` tells how it stands",
            )

    def open_log(self) -> list[e.Event]:
        """Shut out every older generation, get ready to append, and give what the log has."""
        found = e.decode_lines(self._writer.fence())
        self._seq = len(found)
        self._is_over = bool(found) and isinstance(found[-1], e.RunFinished)
        self._shipper = Shipper(self._writer, every=self._every, on_trouble=self._on_trouble)
        return found

    def append(self, events: Sequence[e.Event]) -> None:
        self.append_lines(e.encode_lines(events, self.run_id, self._seq + 1))

    def append_lines(self, lines: bytes) -> None:
        """Whole lines as another log of this run has them, with the numbers that come next."""
        if not lines:
            return
        self._opened().add(lines)
        self._seq += lines.count(b"\n")
        last = lines[lines[:-1].rfind(b"\n") + 1 :]
        self._is_over = b'"type":"run_finished"' in last

    def sync(self) -> None:
        self._opened().flush()

    def events(self, after: int = 0) -> list[e.Event]:
        if self._shipper is not None:
            self._shipper.flush()
        return e.decode_lines(Reader(self._objects).fresh())[after:]

    def put(self, name: str, file: Path) -> None:
        self._upload(name, file)

    def requests(self) -> list[dict[str, Any]]:
        return self._requests.found()

    def finish(self, log: bytes | None = None) -> None:
        """Put the whole log into one object, for readers to come. `log`: its lines, if at hand."""
        self.sync()
        self._writer.finish(Reader(self._objects).fresh() if log is None else log)

    def close(self) -> None:
        """Everything is in the bucket, also as one object where the run is over."""
        shipper, self._shipper = self._shipper, None
        if shipper is None:
            return
        shipper.close()
        if self._is_over:
            self._shipper = shipper
            self.finish()
            self._shipper = None

    def _opened(self) -> Shipper:
        if self._shipper is None:
            raise StoreError(f"the log of {self.run_id} is not open", hint="open_log comes first")
        return self._shipper


def _describe(body: bytes) -> str:
    try:
        holder = json.loads(body)
        named = holder.get("instance_id") or f"process {holder['pid']} on {holder['host']}"
        since = f", since {holder['since']}" if "since" in holder else ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "another process"
    return f"{named}{since}"
