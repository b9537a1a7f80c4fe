"""A folder with queue files, and the real command run in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import events as e
from runner.runs.reading import Tail, read
from runner.state import RunState
from tests.waiting import PATIENCE, until

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Project:
    """`run` waits for a command, `popen` leaves it running; both as a user would start them."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def environ(self, extra: dict[str, str]) -> dict[str, str]:
        kept = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
        return kept | {"HOME": str(self.folder / "home")} | self.env | extra

    def popen(self, *arguments: str, **extra: str) -> subprocess.Popen[str]:
        made = subprocess.Popen(
            [sys.executable, "-m", "runner", *arguments],
            cwd=self.folder,
            env=self.environ(extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(made)
        return made

    def run(self, *arguments: str, stdin: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "runner", *arguments],
            cwd=self.folder,
            env=self.environ(extra),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def queue(self, text: str, name: str = "q.yaml") -> str:
        self.write(name, text)
        return name

    def start(self, text: str, *arguments: str, **extra: str) -> subprocess.Popen[str]:
        """A queue that runs in the background, in the run directory `run`."""
        return self.popen("run", self.queue(text), "--run-dir", "run", *arguments, **extra)

    def go(self, text: str, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """A queue, run to its end in the run directory `run`."""
        return self.run("run", self.queue(text), "--run-dir", "run", *arguments, **extra)

    @property
    def directory(self) -> Path:
        return self.folder / "run"

    def state(self) -> RunState:
        return read(self.directory)[1]

    def outcomes(self) -> dict[str, str]:
        return {name: str(job.outcome) for name, job in self.state().jobs.items()}

    def events(self) -> list[e.Event]:
        return e.decode_lines((self.directory / "events.jsonl").read_bytes())

    def log(self, job: str, attempt: int = 1, stream: str = "stdout") -> str:
        return (self.directory / "jobs" / job / str(attempt) / f"{stream}.log").read_text()

    def manifest(self, job: str, attempt: int = 1) -> dict[str, Any]:
        found = json.loads(
            (self.directory / "jobs" / job / str(attempt) / "results/manifest.json").read_text()
        )
        assert isinstance(found, dict)
        return found

    def until_running(self, *jobs: str) -> None:
        """Until these jobs have printed something."""
        logs = [self.directory / "jobs" / job / "1" / "stdout.log" for job in jobs]
        until(lambda: all(log.exists() and log.stat().st_size for log in logs))

    def until_event(self, kind: type[e.Event]) -> None:
        until((self.directory / "plan.json").exists)
        tail = Tail(self.directory)
        until(lambda: any(isinstance(event, kind) for event in tail.poll()))

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
