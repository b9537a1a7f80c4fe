"""What every job of a run stands on. If it is gone, no job can help it: the run stops, resumable."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from runner.errors import RunnerError
from runner.model import Job

BASH = "/bin/bash"


def missing(checkout: Path, directory: Path | None, jobs: Iterable[Job]) -> RunnerError | None:
    """What is not there for these jobs, as the error to raise. `directory` None: it is still to be made."""
    if not checkout.is_dir():
        return RunnerError(
            f"the checkout {checkout} does not exist (any more)",
            hint="put it back, or run where the queue's files are",
        )
    if directory is not None and not (directory / "jobs").is_dir():
        return RunnerError(f"the run's directory {directory} does not exist any more")
    if not os.access(BASH, os.X_OK) and any(_needs_bash(job) for job in jobs):
        return RunnerError(
            f"there is no {BASH} on this machine",
            hint="install bash, or set `shell: [/bin/sh, -c]` in the queue's `defaults`",
        )
    return None


def _needs_bash(job: Job) -> bool:
    return isinstance(job.command, str) and job.shell[0] == BASH
