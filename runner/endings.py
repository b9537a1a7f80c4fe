"""How an attempt ended: from the executor's report to the event, with what the job left behind.

A secret that a job wrote into its outputs or its summary is masked here, before either goes anywhere.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Any

from runner import events as e
from runner import outputs
from runner.masking import Masker
from runner.model import Job, Outcome
from runner.ports import Exit

_ENDED = {"timeout": Outcome.TIMED_OUT, "queue_timeout": Outcome.TIMED_OUT, "cancelled": Outcome.CANCELLED}


def finished(
    report: Exit, job: Job, attempt: int, *, at: float, directory: str, masker: Masker | None
) -> e.AttemptFinished:
    """The event. `directory` is the attempt's own; without a `masker` nothing there is secret."""
    outcome = outcome_of(report)
    found: dict[str, Any] = {}
    reason = report.error
    if report.has_output or report.has_summary:
        found, wrong = _left(report, Path(directory), masker)
        reason = reason or wrong
    keeps = outcome is Outcome.SUCCEEDED or (job.result_when == "always" and report.ended != "interrupted")
    return e.AttemptFinished(
        at=at,
        job_id=job.job_id,
        attempt=attempt,
        outcome=outcome.value,
        exit_code=report.exit_code,
        signal=report.signal,
        seconds=report.seconds,
        cpu_seconds=report.cpu_seconds,
        max_rss=report.max_rss,
        reason=reason,
        cannot_start=bool(report.error) and not report.lost,
        interrupted=outcome is Outcome.LOST and not report.lost,
        leftovers=report.leftovers,
        outputs=found,
        summary=report.has_summary,
        results=keeps and not report.error and (report.has_results or bool(job.result_files)),
    )


def _left(report: Exit, folder: Path, masker: Masker | None) -> tuple[dict[str, Any], str]:
    """The attempt's outputs (and what is wrong with them); files with secrets are masked in place."""
    found: dict[str, Any] = {}
    wrong = ""
    for name, there in (("output", report.has_output), ("summary.md", report.has_summary)):
        if not there:
            continue
        raw = _read(folder / name)
        if masker is not None:
            raw = masker.text(raw.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
            _replace(folder / name, raw)
        if name == "output":
            found, wrong = outputs.parse(raw)
    return found, wrong


def outcome_of(report: Exit) -> Outcome:
    if report.ended in _ENDED:
        return _ENDED[report.ended]
    if report.lost or report.ended:  # ended by an interrupt, or with the runner
        return Outcome.LOST
    if report.exit_code == 0:
        return Outcome.SUCCEEDED
    return Outcome.OUT_OF_MEMORY if report.out_of_memory else Outcome.FAILED


def _read(path: Path) -> bytes:
    """At most a little more than the largest file that is accepted.

    A job may have put anything there: a pipe would hold us, a link lead elsewhere.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, outputs.LIMIT * 16) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(fd)


def _replace(path: Path, raw: bytes) -> None:
    """The masked text in the place of the file, and of nothing that it may link to."""
    part = path.with_name(f".{path.name}.part")
    with contextlib.suppress(OSError):
        part.write_bytes(raw)
        part.replace(path)
