"""Runs a copy of the example queues for real and reads what happened from the log."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import runner
from runner import events as e
from runner.model import Plan
from runner.plan import from_json
from tests.waiting import PATIENCE

PACKAGE = Path(runner.__file__).parent
QUEUES = Path(__file__).parent.parent / "queues"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The process of one attempt existed from `start` to `end`."""

    start: float
    end: float


@dataclass(slots=True, kw_only=True)
class Ran:
    """One run that is over."""

    code: int
    directory: Path
    stdout: str
    stderr: str
    events: list[e.Event] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        return from_json((self.directory / "plan.json").read_bytes())

    def outcomes(self) -> dict[str, str]:
        """Of each job how it ended; of a skipped one why: `skipped because of job: check-coverage`."""
        found: dict[str, str] = {}
        for event in self.events:
            if isinstance(event, e.JobFinished):
                found[event.job_id] = event.outcome
            elif isinstance(event, e.JobSkipped):
                ((kind, value),) = event.because.items()
                found[event.job_id] = f"skipped because of {kind}: {value}"
        return found

    def outcome(self) -> str:
        return [event.outcome for event in self.events if isinstance(event, e.RunFinished)][-1]

    def intervals(self, job_id: str) -> list[Interval]:
        starts, found = {}, []
        for event in self.events:
            if isinstance(event, e.AttemptRunning) and event.job_id == job_id:
                starts[event.attempt] = event.at
            elif isinstance(event, e.AttemptFinished) and event.job_id == job_id:
                found.append(Interval(start=starts[event.attempt], end=event.at))
        return found

    def attempts(self, job_id: str) -> int:
        return len(self.intervals(job_id))

    def waits(self, job_id: str) -> list[float]:
        return [x.delay for x in self.events if isinstance(x, e.JobRetrying) and x.job_id == job_id]

    def position(self, kind: type[e.JobEvent], job_id: str) -> int:
        """Where in the log the first such event of the job stands."""
        return next(n for n, x in enumerate(self.events) if isinstance(x, kind) and x.job_id == job_id)

    def log(self, job_id: str, attempt: int = 1) -> str:
        folder = self.directory / "jobs" / job_id / str(attempt)
        return (folder / "stdout.log").read_text() + (folder / "stderr.log").read_text()

    def result(self, job_id: str, name: str, attempt: int = 1) -> Path:
        return self.directory / "jobs" / job_id / str(attempt) / "results" / name

    def together(self, *job_ids: str) -> bool:
        """Whether there was a moment at which all of them ran."""
        first = [self.intervals(job_id)[-1] for job_id in job_ids]
        return max(one.start for one in first) < min(one.end for one in first)

    def assert_order(self) -> None:
        """No job ran before all that it depends on had ended, and never more than allowed at a time."""
        for job in self.plan.queue.jobs:
            for parent in job.depends_on:
                for mine in self.intervals(job.job_id):
                    assert all(other.end <= mine.start for other in self.intervals(parent))
        allowed = next(x.max_parallel for x in self.events if isinstance(x, e.RunStarted))
        running = 0
        for event in self.events:
            running += isinstance(event, e.AttemptStarted) - isinstance(event, e.AttemptFinished)
            assert running <= allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A folder of its own with the queues in it, as somebody would have it."""

    root: Path

    @staticmethod
    def at(root: Path) -> Checkout:
        shutil.copytree(QUEUES, root / "queues", ignore=shutil.ignore_patterns("__pycache__", ".runner"))
        return Checkout(root=root)

    def start(self, name: str, *words: str, run: str = "run", **environ: str) -> subprocess.Popen[str]:
        directory = str(self.root.parent / f"{run}-of-{self.root.name}")
        return subprocess.Popen(
            [sys.executable, "-m", "runner", "run", name, "--run-dir", directory, *words],
            cwd=self.root,
            env=self._environment(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process: subprocess.Popen[str], run: str = "run", stdin: str = "") -> Ran:
        stdout, stderr = process.communicate(stdin, timeout=PATIENCE)
        directory = self.root.parent / f"{run}-of-{self.root.name}"
        log = directory / "events.jsonl"
        return Ran(
            code=process.returncode,
            directory=directory,
            stdout=stdout,
            stderr=stderr,
            events=e.decode_lines(log.read_bytes()) if log.exists() else [],
        )

    def run(self, name: str, *words: str, run: str = "run", stdin: str = "", **environ: str) -> Ran:
        """The example of this name (`hello`, `complex-pipeline`, `-`), with `words` on the command line."""
        path = {"hello": "queues/hello.yaml", "-": "-"}.get(name, f"queues/examples/{name}.yaml")
        return self.end(self.start(path, *words, run=run, **environ), run, stdin)

    def state(self, queue_id: str) -> Path:
        """What `RUNNER_STATE_DIR` is for this queue."""
        return self.root / ".runner" / "state" / queue_id

    def files(self) -> dict[str, bytes]:
        """Everything that git would see: what lies below `.runner/` is ignored."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".runner" not in path.parts
        }

    def _environment(self, environ: dict[str, str]) -> dict[str, str]:
        """Of our own only what programs need; the package under test is found where it was imported from."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        python = str(Path(sys.executable).parent)
        path = f"{kept.get('PATH', os.defpath)}:{python}"
        state = str(self.root.parent / "state-home")
        return {**kept, "PATH": path, "PYTHONPATH": str(PACKAGE.parent), "XDG_STATE_HOME": state, **environ}
