"""Runs the command line inside this process, in a checkout of its own, and keeps what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runner import cli

ENVIRONMENT = (
    "CI",
    "GITHUB_ACTIONS",
    "GITHUB_ACTOR",
    "GITHUB_REF_NAME",
    "NO_COLOR",
    "COLUMNS",
    "FORCE_COLOR",
)
QUEUE = """\
queue_id: demo
on_failure: continue
jobs:
  - job_id: make
    command: |
      echo made; echo careful >&2
      echo "x=1" >> "$RUNNER_OUTPUT"
      echo "# Made" > "$RUNNER_SUMMARY"
      echo content > "$RUNNER_RESULT_DIR/made.txt"
  - job_id: break
    command: echo about to break; exit 3
    depends_on: [make]
    retry_count: 1
    retry_delay: 0
  - {job_id: after, command: "true", depends_on: [break]}
  - {job_id: cleanup, command: "true", depends_on: [after], always_run: true}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """One checkout in a temporary folder, the current one; a state folder of its own."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capture

    def __call__(self, *words: str) -> Said:
        """`runner WORDS` in this process."""
        self._capture.readouterr()
        code = cli.invoke(words)
        out, err = self._capture.readouterr()
        return Said(code=code, out=out, err=err)

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    def git(self, *words: str) -> str:
        who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
        done = subprocess.run(
            ["git", *who, *words], check=True, capture_output=True, text=True, cwd=self.folder
        )
        return done.stdout.strip()

    def runs(self) -> list[Path]:
        return sorted(path.parent for path in self.folder.glob(".runner/*/plan.json"))

    @contextmanager
    def process(self, *words: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
        """`runner WORDS` as a process of its own, ended at the end of the block."""
        with subprocess.Popen(
            [sys.executable, "-m", "runner", *words],
            cwd=self.folder,
            env=own_environment(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as made:
            try:
                yield made
            finally:
                if made.poll() is None:
                    made.kill()


def own_environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's, with the package findable from any folder."""
    root = str(Path(cli.__file__).parent.parent.parent)
    return {**os.environ, "PYTHONPATH": root, **more}
