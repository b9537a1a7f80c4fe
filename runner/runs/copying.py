"""Copies result files and logs out of a run: whole, verified, never outside the target."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.errors import StoreError
from runner.report import clean
from runner.report.evidence import StoredFile
from runner.runs.files import STREAMS, attempt_name, log_name, stored_attempt, stored_files
from runner.runs.source import RunSource
from runner.state import JobState
from runner.stores.disk import trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One file to copy: `kept` is its name in the run, `name` relative to the target, `size` in bytes.

    `stored`: what the manifest says of it.
    """

    kept: str
    name: str
    size: int
    stored: StoredFile | None = None


def results_of(source: RunSource, job: JobState) -> list[Piece]:
    """The result files of the newest attempt that kept some."""
    attempt = stored_attempt(job)
    if attempt is None:
        return []
    job_id = job.job.job_id
    folder = f"{attempt_name(job_id, attempt.number)}/results"
    pieces = []
    for stored in stored_files(source, job_id, attempt.number):
        if not source.files.is_inside(folder, stored.path):
            raise StoreError(
                f"result file {clean.line(stored.path, 200)} of {job_id} leads out of {source}/{folder}",
                hint="it is, or goes through, a symbolic link; nothing was copied",
            )
        kept, name = f"{folder}/{stored.path}", f"{job_id}/{attempt.number}/results/{stored.path}"
        pieces.append(Piece(kept=kept, name=name, size=stored.size, stored=stored))
    return pieces


def logs_of(job: JobState, size_of: Callable[[str], int | None]) -> Iterator[Piece]:
    """The logs of every attempt that have something in them. `size_of`: see `Files.sizes`."""
    job_id = job.job.job_id
    for attempt in job.attempts:
        for stream in STREAMS:
            kept = log_name(job_id, attempt.number, stream)
            size = size_of(kept)
            if size:
                yield Piece(kept=kept, name=f"{job_id}/{attempt.number}/{stream}.log", size=size)


def copy(
    source: RunSource, piece: Piece, target: Path, progress: Callable[[int], object] = lambda _: None
) -> int:
    """Copy one file below `target`, replacing an older one; its size. `progress`: as of `Files.fetch`.

    Raises StoreError.
    """
    destination = target / piece.name
    part = destination.with_name(f".{secrets.token_hex(8)}.part")  # a name may be as long as names can be
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        digest, size = source.files.fetch(piece.kept, part, progress)
        if piece.stored is not None and digest != piece.stored.sha256:
            part.unlink()
            raise StoreError(
                f"{source}/{piece.kept} is not what its job left: its SHA-256 differs from the manifest",
                hint="run the job again: runner retry RUN JOB",
            )
        part.replace(destination)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise trouble("copy to", destination, error) from error
    return size
