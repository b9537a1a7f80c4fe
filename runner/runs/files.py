"""What a run's directory keeps beside its log: what jobs wrote, their summaries, their result files."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import BinaryIO

from runner.model import Outcome
from runner.report import clean
from runner.report.evidence import Evidence, StoredFile
from runner.report.wording import NOT_GOOD
from runner.state import AttemptState, JobState, RunState

STREAMS = ("stdout", "stderr")
TAIL_LINES = 20
_WORDS = 120
_TAIL_BYTES = 64 * 1024
_SUMMARY_BYTES = 64 * 1024
_TAILS = 40
"""More failures than this have no last lines in a report: nobody reads them there."""


def attempt_folder(directory: Path, job_id: str, attempt: int) -> Path:
    return directory / "jobs" / job_id / str(attempt)


def log_path(directory: Path, job_id: str, attempt: int, stream: str) -> Path:
    """`stream` is one of STREAMS. The file need not exist: an attempt may have died before it wrote."""
    return attempt_folder(directory, job_id, attempt) / f"{stream}.log"


def tail(directory: Path, job_id: str, attempt: int, count: int = TAIL_LINES) -> tuple[str, ...]:
    """The last lines that an attempt wrote, clean: of its output, where there is room, then of its errors."""
    output, errors = _ends(directory, job_id, attempt, count)
    return output + errors


def _ends(directory: Path, job_id: str, attempt: int, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The same, apart: of standard output, of standard error; together at most `count` lines."""
    output, errors = (
        clean.last_lines(_end_of(log_path(directory, job_id, attempt, stream)), count) for stream in STREAMS
    )
    room = count - len(errors)
    return output[-room:] if room > 0 else (), errors


def last_words(directory: Path, job_id: str, attempt: int) -> str:
    """The last line that an attempt wrote to standard error, clean and short; "" where it wrote none."""
    found = clean.last_lines(_end_of(log_path(directory, job_id, attempt, "stderr"), 4096), 1, _WORDS)
    return found[0].strip() if found else ""


def open_regular(path: Path) -> BinaryIO:
    """Open a file that a job may have replaced by anything: a pipe would hold us, a device never ends.

    Raises OSError, also for what is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def _end_of(path: Path, most: int = _TAIL_BYTES) -> bytes:
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - most))
            return file.read(most)
    except OSError:
        return b""


def stored_attempt(job: JobState) -> AttemptState | None:
    """The newest attempt whose result files were kept."""
    return next((a for a in reversed(job.attempts) if a.stored is not None and a.stored.files), None)


def stored_files(directory: Path, job_id: str, attempt: int) -> tuple[StoredFile, ...]:
    """What the attempt's manifest lists; nothing where it cannot be read."""
    path = attempt_folder(directory, job_id, attempt) / "results" / "manifest.json"
    try:
        with open_regular(path) as file:
            # A file's name may be any bytes; as a path it must come back the same.
            record = json.loads(file.read().decode("utf-8", "surrogateescape"))
        return tuple(
            StoredFile(path=str(f["path"]), size=int(f["size"]), sha256=str(f["sha256"]))
            for f in record["files"]
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()


def evidence(directory: Path, state: RunState) -> Evidence:
    """Everything that a report shows beside the log. Looks only at files that the log says exist."""
    tails: dict[str, tuple[str, ...]] = {}
    errors: dict[str, int] = {}
    summaries: dict[str, str] = {}
    files: dict[str, tuple[StoredFile, ...]] = {}
    for job_id, job in state.jobs.items():
        last = job.last
        if last is None:
            continue
        if job.outcome in NOT_GOOD and len(tails) < _TAILS:
            output, said = _ends(directory, job_id, last.number, TAIL_LINES)
            tails[job_id], errors[job_id] = output + said, len(said)
        if last.finished is not None and last.finished.summary:
            summary = _summary(attempt_folder(directory, job_id, last.number))
            summaries |= {job_id: summary} if summary.strip() else {}
        stored = stored_attempt(job)
        if stored is not None:
            files[job_id] = stored_files(directory, job_id, stored.number)
    return Evidence(tails=tails, errors=errors, summaries=summaries, files=files)


def _summary(folder: Path) -> str:
    try:
        with open_regular(folder / "summary.md") as file:
            text = file.read(_SUMMARY_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(clean.lines(text))


def durations(directory: Path) -> dict[str, float]:
    """Seconds of each job that succeeded, from the report of a run that is over; nothing without one."""
    try:
        record = json.loads((directory / "report.json").read_bytes())
        return {
            str(job["job_id"]): float(job["attempts"][-1]["seconds"])
            for job in record["jobs"]
            if job["outcome"] == Outcome.SUCCEEDED and job["attempts"]
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
