"""One run of one workflow by `act`, on this machine itself, with what GitHub would provide."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.project import ROOT

HERE = Path(__file__).parent
SOURCE, COMMIT = "acme/runner", "1" * 40
"""Where callers say that the workflows are."""
_PINNED = re.compile(r"uses: (actions/[a-z-]+)@([0-9a-f]{40})")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Ran:
    """What is left of a workflow run: how it ended, and its log."""

    succeeded: bool
    log: str

    @property
    def jobs(self) -> list[str]:
        """Those that did something, in the order of their ends."""
        return re.findall(r"^\[[^/\]]*/(?:[^/\]]*/)?([^\]]+?) *\] 🏁", self.log, re.MULTILINE)

    def printed(self) -> str:
        """What the steps printed, without act's own words."""
        return "\n".join(re.findall(r"^\[[^\]]+\] +(?:\||❗|❓|🚧) +(.*)$", self.log, re.MULTILINE))


def program(place: Path) -> Path:
    """This checkout, as the repository that callers name.

    `act` does not know `$/` ("of this file's repository, at this commit"), so that is spelled out.
    """
    for name in ("runner", "schemas", "templates", "queues", "pyproject.toml"):
        (place / name).symlink_to(ROOT / name)
    return _with_workflows(place, ".github")


def program_in_place(place: Path) -> Path:
    """The same, with an action that gives what is installed already: it saves minutes."""
    action = place / ".github/actions/runner"
    shutil.copytree(HERE / "stubs/runner", action)
    return _with_workflows(place, ".github/workflows")


def _with_workflows(place: Path, below: str) -> Path:
    for path in sorted((ROOT / below).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            target = place / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(re.sub(r"uses: \$/(\S+)", rf"uses: {SOURCE}/\1@{COMMIT}", path.read_text()))
    return place


def install(place: Path, pip: Mapping[str, str]) -> dict[str, str]:
    """What the action does, and the outputs that it gives."""
    outputs = place / "outputs"
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / ".github/actions/runner/install.py")],
        env={"PATH": os.environ["PATH"], "RUNNER_TEMP": str(place), "GITHUB_OUTPUT": str(outputs), **pip},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(line.split("=", 1) for line in outputs.read_text().splitlines())


def stubbed() -> dict[str, Path]:
    """The actions that the workflows use, and what stands in for them."""
    found: dict[str, Path] = {}
    for path in sorted((ROOT / ".github/workflows").glob("*.yaml")):
        for name, commit in _PINNED.findall(path.read_text()):
            found[f"{name}@{commit}"] = HERE / "stubs" / name.removeprefix("actions/")
    return found


@dataclass(frozen=True)
class Act:
    """How to start it: the same for all workflows of a scene."""

    program: Path
    scratch: Path
    environment: Mapping[str, str]

    def run(
        self, workflow: str, event: str, payload: Any, checkout: Path, run_id: int, attempt: int = 1
    ) -> Ran:
        """`workflow` is the name of a file in the checkout's .github/workflows."""
        payload_file = self.scratch / f"event-{run_id}-{attempt}.json"
        payload_file.write_text(json.dumps(payload))
        environment = {
            **self.environment,
            "GITHUB_RUN_ID": str(run_id),
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "STUBS": str(HERE / "stubs"),
        }
        local = {f"{SOURCE}@{COMMIT}": self.program, **stubbed()}
        command = [
            str(Path(sys.executable).with_name("act")), event, "-P", "ubuntu-24.04=-self-hosted",
            "-W", f".github/workflows/{workflow}", "-e", str(payload_file), "-s", "GITHUB_TOKEN",
            "--no-cache-server",
            *(f"--local-repository={name}={place}" for name, place in local.items()),
            *(f"--env={name}={value}" for name, value in environment.items()),
        ]  # fmt: skip
        cache = self.scratch / f"cache-{run_id}-{attempt}"
        done = subprocess.run(
            command,
            cwd=checkout,
            env={
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(self.scratch),
                "XDG_CACHE_HOME": str(cache),
                "GITHUB_TOKEN": environment["STUB_TOKEN"],
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=150,
            check=False,
        )
        return Ran(done.returncode == 0, _COLOUR.sub("", done.stdout))
