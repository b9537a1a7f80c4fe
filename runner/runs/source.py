"""A run that is read, wherever it is: what the commands ask of a directory or a bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

from runner.errors import NotFoundError
from runner.runs.on_disk import DirectorySource

Item = TypeVar("Item")
Result = TypeVar("Result")


class Files(Protocol):
    """What jobs left, by names relative to the run. Methods raise OSError or StoreError."""

    def end(self, name: str, most: int) -> bytes:
        """The last bytes, `most` of them; b"" for what is not there or cannot be read."""

    def read(self, name: str, most: int = -1) -> bytes:
        """The first bytes, all of them by default. What is not there raises FileNotFoundError."""

    def pieces(self, name: str, offset: int) -> Iterator[tuple[int, bytes]]:
        """What is there from `offset` on, each piece with where in the file it begins.

        The first may begin later than `offset`: of a log that is still written a bucket has the end alone.
        """

    def sizes(self, folder: str) -> Callable[[str], int | None]:
        """Answers for names below `folder` how many bytes they have; None for what is not there."""

    def is_inside(self, folder: str, name: str) -> bool:
        """Whether `name`, seen from `folder`, stays below it, also through symbolic links."""

    def fetch(self, name: str, part: Path, progress: Callable[[int], object]) -> tuple[str, int]:
        """Copy a file to `part`, whatever its size; its SHA-256 (hexadecimal) and its size in bytes.

        `progress` is called with how many more bytes are there, maybe from several threads.
        """

    def each(self, question: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`map`, many at once where each answer takes its time."""


class RunSource(Protocol):
    """One run. `str` of it is how a user names it. Methods raise RunnerError subclasses."""

    @property
    def files(self) -> Files: ...

    @property
    def directory(self) -> Path | None:
        """Where it is on this machine, if it is."""

    @property
    def pace(self) -> float:
        """Seconds between two looks at it that do no harm."""

    @property
    def planned_at(self) -> float:
        """When the plan that was read was laid down, by the clock of where it is; 0 before it was read."""

    def again(self) -> RunSource:
        """The same run, to be read from its beginning."""

    def plan_bytes(self) -> bytes:
        """Raises NotFoundError where there is no run."""

    def run_id(self) -> str: ...

    def fresh(self) -> bytes:
        """The whole lines of the log that were written since the last call. A torn last line waits."""

    def left(self) -> bytes:
        """The lines before that for which `fresh` raised LogError, if there are any: they still hold."""

    def is_live(self) -> bool:
        """Whether somebody runs it, as far as can be seen from here."""

    def report(self) -> str:
        """Where its report is, if it was written after the last event."""

    def request(self, body: Mapping[str, Any], name: str = "") -> None:
        """Lay down a request for whoever runs it. One `name` is one request, however often it comes."""


Where: TypeAlias = Path | RunSource
"""A run as callers have it: its directory, or any source."""


def source_of(where: Where) -> RunSource:
    return DirectorySource(where) if isinstance(where, Path) else where


def is_there(where: Where) -> bool:
    """Whether the run has a plan. Raises StoreError where that cannot be told."""
    try:
        source_of(where).plan_bytes()
    except NotFoundError:
        return False
    return True
