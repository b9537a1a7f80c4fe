"""The local log as it grows, line by line, with the files that each line speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runner import events as e
from runner.runs.files import STREAMS, attempt_name, log_name, stored_files
from runner.runs.on_disk import DirectoryFiles
from runner.stores.directory import LOG
from runner.stores.disk import open_regular, trouble

PIECE = 1 << 20
"""Bytes that are read at once: no more of the log is ever held than this and what waits for its files."""
_TELLING = (b'"type":"attempt_', b'"type":"results_stored"', b'"type":"cancel_requested"', b'"type":"run_')
Files = Iterator[tuple[str, Path]]


@dataclass(frozen=True, slots=True)
class Line:
    """`event` None: it speaks of nothing that is kept beside the log."""

    raw: bytes = field(repr=False)
    event: e.Event | None = None


class LogLines:
    """Whole lines from `offset` (bytes) on. A torn last line waits."""

    def __init__(self, directory: Path, offset: int = 0) -> None:
        self._path = directory / LOG
        self._offset = offset

    def more(self) -> list[Line]:
        """Those that were written since the last call, as far as they fit one piece. Raises StoreError."""
        try:
            with self._path.open("rb") as log:
                log.seek(self._offset)
                found = log.read(PIECE)
                if b"\n" not in found and len(found) == PIECE:
                    found += log.readline()  # one line that is longer than a piece
        except FileNotFoundError:
            return []
        except OSError as error:
            raise trouble("read the log of", self._path.parent, error) from error
        whole = found[: found.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [Line(raw, _event(raw)) for raw in whole.splitlines(keepends=True)]


def _event(raw: bytes) -> e.Event | None:
    """Only of lines that may matter here: most do not, and decoding is what costs."""
    return e.decode(raw) if any(mark in raw for mark in _TELLING) else None


def files_of(event: e.Event | None, directory: Path) -> tuple[Files, Files]:
    """(what must be kept before the event is told, and what after all of those), names and paths."""
    if isinstance(event, e.AttemptFinished):
        return _words(event, directory), iter(())
    if isinstance(event, e.ResultsStored) and event.files:
        folder = f"{attempt_name(event.job_id, event.attempt)}/results"
        return _results(event, directory), iter([_named(directory, f"{folder}/manifest.json")])
    return iter(()), iter(())


def _words(event: e.AttemptFinished, directory: Path) -> Files:
    """What the attempt wrote; an empty file says no more than none."""
    for stream in STREAMS:
        name = log_name(event.job_id, event.attempt, stream)
        if is_regular(directory / name) and (directory / name).stat().st_size:
            yield _named(directory, name)
    if event.summary:
        yield _named(directory, f"{attempt_name(event.job_id, event.attempt)}/summary.md")


def _results(event: e.ResultsStored, directory: Path) -> Files:
    """As the manifest lists them, and nothing that a job has put beside: a link may lead anywhere."""
    folder = f"{attempt_name(event.job_id, event.attempt)}/results"
    files = DirectoryFiles(directory)
    for stored in stored_files(directory, event.job_id, event.attempt):
        if files.is_inside(folder, stored.path):
            yield _named(directory, f"{folder}/{stored.path}")


def _named(directory: Path, name: str) -> tuple[str, Path]:
    return name, directory / name


def is_regular(path: Path) -> bool:
    try:
        open_regular(path).close()
    except OSError:
        return False
    return True
