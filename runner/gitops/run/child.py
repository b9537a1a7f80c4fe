"""The process that runs jobs: an agent of its own, without the token and without Actions' doors."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from runner.agent.order import Order, to_json
from runner.errors import FAILED, INTERRUPTED, SUCCEEDED, ExecutorError
from runner.model import Queue

_DOORS = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
"""Files by which a step changes the steps after it: not for jobs."""
_WITHHELD = ("ACTIONS_", "INPUT_", "AWS_")
_RESERVED = ("GITHUB_", "ACTIONS_", "AWS_")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_LAST_WORDS = 4000


def environment(environ: Mapping[str, str], token: str) -> dict[str, str]:
    """What an agent gets of a workflow's environment: nothing that acts on GitHub or on later steps."""
    return {
        name: value
        for name, value in environ.items()
        if name not in _DOORS and not name.startswith(_WITHHELD) and not (token and token in value)
    }


def beyond_policy(queue: Queue, allowed: Iterable[str]) -> list[str]:
    """Sentences, one for each name that the queue reads from the environment and may not."""
    granted = set(allowed)
    asked = {name: job.job_id for job in queue.jobs for name in _read_by(job.environment, job.secrets)}
    return [
        _sentence(name, job_id) for name, job_id in asked.items() if name not in granted or _reserved(name)
    ]


def _read_by(values: Mapping[str, str], secrets: Mapping[str, str]) -> list[str]:
    references = [name for value in values.values() for name in _REFERENCE.findall(value)]
    own = [source.removeprefix("env:") for source in secrets.values() if source.startswith("env:")]
    return [*(name for name in references if name not in secrets), *own]


def _reserved(name: str) -> bool:
    return name.startswith(_RESERVED)


def _sentence(name: str, job_id: str) -> str:
    if _reserved(name):
        return f"job {job_id} reads {name} from the environment, which no job gets"
    return f"job {job_id} reads {name} from the environment, and policy.environment does not list it"


@dataclass(slots=True)
class Child:
    """An agent at work. Its own words go into a file beside the run: they are for whoever looks for a bug."""

    order: Order
    process: subprocess.Popen[bytes]
    words: IO[bytes] = field(repr=False)

    def alive(self) -> bool:
        return self.process.poll() is None

    def gave_up(self) -> bool:
        """It ended without doing what it was ordered: neither with the run nor interrupted."""
        return self.process.poll() not in {None, SUCCEEDED, FAILED, INTERRUPTED}

    def interrupt(self) -> None:
        """The attempts end, the run stays resumable."""
        with contextlib.suppress(ProcessLookupError):
            if self.alive():
                self.process.send_signal(signal.SIGTERM)

    def said(self) -> str:
        """Why it could not do what it was ordered; "" where it could."""
        with contextlib.suppress(OSError, ValueError):
            size = self.words.seek(0, os.SEEK_END)
            self.words.seek(max(0, size - _LAST_WORDS))
            return self.words.read().decode("utf-8", "replace").strip()
        return ""

    def close(self, grace: float = 30.0) -> None:
        """It is over when this returns, one way or the other."""
        self.interrupt()
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.words.close()


def start(order: Order, environ: Mapping[str, str], scratch: Path) -> Child:
    """Raises ExecutorError. In a session of its own: an interrupt reaches it through `interrupt` alone."""
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        words = (scratch / f"{order.run_id}.words").open("w+b")
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "runner.agent"],
            cwd=order.checkout,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=words,
            start_new_session=True,
        )
        assert process.stdin is not None  # noqa: S101  for the type checker
        with process.stdin as orders:
            orders.write(to_json(order))
    except OSError as error:
        raise ExecutorError(
            f"the agent for {order.run_id} cannot be started: {error.strerror or error}",
            hint="look for a full disk or a missing checkout",
        ) from error
    return Child(order=order, process=process, words=words)
