"""Copies result files and logs out of a run's directory: whole, verified, never outside the target."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runner.errors import StoreError
from runner.report import clean
from runner.report.evidence import StoredFile
from runner.runs.files import STREAMS, attempt_folder, log_path, open_regular, stored_attempt, stored_files
from runner.state import JobState
from runner.stores.directory import trouble

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One file to copy: `name` is relative to the target, `stored` what the manifest says of it."""

    source: Path
    name: str
    stored: StoredFile | None = None


def results_of(directory: Path, job: JobState) -> Iterator[Piece]:
    """The result files of the newest attempt that kept some."""
    attempt = stored_attempt(job)
    if attempt is None:
        return
    job_id = job.job.job_id
    folder = attempt_folder(directory, job_id, attempt.number) / "results"
    for stored in stored_files(directory, job_id, attempt.number):
        if not _inside(folder, stored.path):
            raise StoreError(
                f"result file {clean.line(stored.path, 200)} of {job_id} leads out of {folder}",
                hint="it is, or goes through, a symbolic link; nothing was copied",
            )
        yield Piece(
            source=folder / stored.path,
            name=f"{job_id}/{attempt.number}/results/{stored.path}",
            stored=stored,
        )


def _inside(folder: Path, name: str) -> bool:
    """Also through symbolic links: what a job left in its results may point anywhere."""
    parts = PurePosixPath(name).parts
    root = os.path.realpath(folder)
    return bool(parts) and ".." not in parts and os.path.realpath(folder / name).startswith(f"{root}/")


def logs_of(directory: Path, job: JobState) -> Iterator[Piece]:
    """The logs of every attempt that have something in them."""
    job_id = job.job.job_id
    for attempt in job.attempts:
        for stream in STREAMS:
            path = log_path(directory, job_id, attempt.number, stream)
            if path.is_file() and path.stat().st_size:
                yield Piece(source=path, name=f"{job_id}/{attempt.number}/{stream}.log")


def copy(piece: Piece, target: Path) -> int:
    """Copy one file below `target`, replacing an older one; its size. Raises StoreError."""
    destination = target / piece.name
    part = destination.with_name(destination.name + ".part")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        digest, size = _copied(piece.source, part)
        if piece.stored is not None and digest != piece.stored.sha256:
            part.unlink()
            raise StoreError(
                f"{piece.source} is not what its job left: its SHA-256 differs from the manifest",
                hint="run the job again: runner retry RUN JOB",
            )
        part.replace(destination)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise trouble("copy to", destination, error) from error
    return size


def _copied(source: Path, part: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with open_regular(source) as reading, part.open("wb") as writing:
        while chunk := reading.read(_CHUNK):
            writing.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        mode = os.fstat(reading.fileno()).st_mode & 0o777
        part.chmod(mode | 0o600)
    return digest.hexdigest(), size
