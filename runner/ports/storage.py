"""Where a run's files are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from runner.events import Event


class Store(Protocol):
    """One run's directory, wherever it is."""

    def append(self, events: Sequence[Event]) -> None:
        """Write events at the end of the log, in order; visible to readers at once, durable within 100 ms."""

    def sync(self) -> None:
        """Return once everything appended is durable."""

    def events(self, after: int = 0) -> list[Event]:
        """The log from `seq` after + 1 on. A torn last line is dropped."""

    def put(self, name: str, file: Path) -> None:
        """Keep a file under a relative name."""

    def lease(self, holder: Mapping[str, Any]) -> None:
        """Become the one writer, or raise RunIsLiveError that names the holder. Ends with the process."""

    def requests(self) -> list[dict[str, Any]]:
        """Requests from elsewhere (`cancel`), oldest first, each with its name as `request`.

        To ask again is to say that those given before are in the log: they are removed.
        """

    def close(self) -> None:
        """Give up the lease; everything is durable."""
