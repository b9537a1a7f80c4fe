"""Where a machine's run goes while it runs: what shipping asks of a store (`stores.s3.S3Store`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol


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
