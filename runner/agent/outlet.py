"""Where a machine's run goes while it runs: the few things that shipping asks of a bucket."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from runner.stores.s3 import Bucket, Writer
from runner.stores.s3.requests import Requests
from runner.stores.s3.uploading import put_file, put_tail


class Outlet(Protocol):
    """One run, elsewhere. All methods raise StoreError; the same call may succeed later."""

    def write(self, lines: bytes = b"") -> None:
        """Put whole lines at the end of the log. They are taken over at once: after an error call again with
        what has come since, or nothing. FencedError and LogError are final: nothing will be written any more.
        """

    def beat(self) -> None:
        """A sign of life without a line. Else as `write`."""

    def put(self, name: str, file: Path) -> None:
        """Keep a file under a relative name. Safe for threads, and to repeat."""

    def put_tail(self, name: str, file: Path) -> None:
        """Keep the end of a file that still grows. Safe for threads."""

    def requests(self) -> Sequence[dict[str, Any]]:
        """Requests from elsewhere, as of `ports.Store`."""


class BucketOutlet:
    """`writer` has fenced the log; `bucket` is the run's own place. `since`: see `Requests`."""

    def __init__(self, bucket: Bucket, writer: Writer, *, since: float = 0.0) -> None:
        self._bucket = bucket
        self._requests = Requests(bucket, since=since)
        self._writer = writer

    def write(self, lines: bytes = b"") -> None:
        self._writer.write(lines)

    def beat(self) -> None:
        self._writer.beat()

    def put(self, name: str, file: Path) -> None:
        put_file(self._bucket, name, file)

    def put_tail(self, name: str, file: Path) -> None:
        put_tail(self._bucket, name, file)

    def requests(self) -> Sequence[dict[str, Any]]:
        return self._requests.found()
