"""What a run keeps beside its log: what jobs wrote, their summaries, their result files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from runner.model import Outcome
from runner.report import clean
from runner.report.evidence import Evidence, StoredFile
from runner.report.wording import NOT_GOOD
from runner.results.collecting import LARGEST_MANIFEST
from runner.runs.source import Files, Where, source_of
from runner.state import AttemptState, JobState, RunState

STREAMS = ("stdout", "stderr")
TAIL_LINES = 20
_WORDS = 120
_TAIL_BYTES = 64 * 1024
_SUMMARY_BYTES = 64 * 1024
_NO_SIZE = 1 << 63
_FILES = 200_000
"""Result files of a run that are remembered; beyond, those of a job are left out."""
_TAILS = 40
"""More failures than this have no last lines in a report: nobody reads them there."""
_Attempt: TypeAlias = tuple[str, int]
"""A job's id and the number of its attempt."""


def attempt_name(job_id: str, attempt: int) -> str:
    """The attempt's folder, below the run's own."""
    return f"jobs/{job_id}/{attempt}"


def log_name(job_id: str, attempt: int, stream: str) -> str:
    """`stream` is one of STREAMS. The file need not exist: an attempt may have died before it wrote."""
    return f"{attempt_name(job_id, attempt)}/{stream}.log"


def tail(where: Where, job_id: str, attempt: int, count: int = TAIL_LINES) -> tuple[str, ...]:
    """The last lines that an attempt wrote, clean: of its output, where there is room, then of its errors."""
    output, errors = _ends(source_of(where).files, job_id, attempt, count)
    return output + errors


def _ends(files: Files, job_id: str, attempt: int, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The same, apart: of standard output, of standard error; together at most `count` lines."""
    output, errors = (
        clean.last_lines(files.end(log_name(job_id, attempt, stream), _TAIL_BYTES), count)
        for stream in STREAMS
    )
    room = count - len(errors)
    return output[-room:] if room > 0 else (), errors


def last_words(where: Where, job_id: str, attempt: int) -> str:
    """The last line that an attempt wrote to standard error, clean and short; "" where it wrote none."""
    end = source_of(where).files.end(log_name(job_id, attempt, "stderr"), 4096)
    found = clean.last_lines(end, 1, _WORDS)
    return found[0].strip() if found else ""


def stored_attempt(job: JobState) -> AttemptState | None:
    """The newest attempt whose result files were kept."""
    return next((a for a in reversed(job.attempts) if a.stored is not None and a.stored.files), None)


def stored_files(where: Where, job_id: str, attempt: int) -> tuple[StoredFile, ...]:
    """What the attempt's manifest lists; nothing where it cannot be read."""
    try:
        name = f"{attempt_name(job_id, attempt)}/results/manifest.json"
        found = source_of(where).files.read(name, LARGEST_MANIFEST)
        # A file's name may be any bytes; as a path it must come back the same.
        record = json.loads(found.decode("utf-8", "surrogateescape"))
        return tuple(_stored_file(entry) for entry in record["files"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return ()


def _stored_file(entry: Any) -> StoredFile:
    """Raises ValueError, KeyError, TypeError, OverflowError for one that no file system has."""
    path, size = str(entry["path"]), int(entry["size"])
    if b"\0" in os.fsencode(path) or not 0 <= size < _NO_SIZE:
        raise ValueError("not a file")
    return StoredFile(path=path, size=size, sha256=str(entry["sha256"]))


def evidence(where: Where, state: RunState) -> Evidence:
    """Everything that a report shows beside the log. Looks only at files that the log says exist."""
    source = source_of(where)
    failed, told, kept = _of_interest(state)
    ends = source.files.each(lambda one: _ends(source.files, *one, TAIL_LINES), failed)
    found = {job_id: end for (job_id, _), end in zip(failed, ends, strict=True)}
    words = source.files.each(lambda one: _summary(source.files, *one), told)
    stored = source.files.each(lambda one: stored_files(source, *one), kept)
    return Evidence(
        tails={job_id: output + errors for job_id, (output, errors) in found.items()},
        errors={job_id: len(errors) for job_id, (_, errors) in found.items()},
        summaries={job_id: text for (job_id, _), text in zip(told, words, strict=True) if text.strip()},
        files=_not_too_many((job_id, found) for (job_id, _), found in zip(kept, stored, strict=True)),
    )


def _not_too_many(
    stored: Iterable[tuple[str, tuple[StoredFile, ...]]],
) -> dict[str, tuple[StoredFile, ...]]:
    """Whoever runs a job writes its manifest: many large ones would not fit in memory."""
    found: dict[str, tuple[StoredFile, ...]] = {}
    count = 0
    for job_id, files in stored:
        count += len(files)
        if count <= _FILES:
            found[job_id] = files
    return found


def _of_interest(state: RunState) -> tuple[list[_Attempt], list[_Attempt], list[_Attempt]]:
    """Attempts whose last lines are shown, those that left a summary, those that left files."""
    failed: list[_Attempt] = []
    told: list[_Attempt] = []
    kept: list[_Attempt] = []
    for job_id, job in state.jobs.items():
        last = job.last
        if last is None:
            continue
        if job.outcome in NOT_GOOD and len(failed) < _TAILS:
            failed.append((job_id, last.number))
        if last.finished is not None and last.finished.summary:
            told.append((job_id, last.number))
        stored = stored_attempt(job)
        if stored is not None:
            kept.append((job_id, stored.number))
    return failed, told, kept


def _summary(files: Files, job_id: str, attempt: int) -> str:
    try:
        text = files.read(f"{attempt_name(job_id, attempt)}/summary.md", _SUMMARY_BYTES)
    except OSError:
        return ""
    return "\n".join(clean.lines(text.decode("utf-8", errors="replace")))


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
