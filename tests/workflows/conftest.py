"""What the scenes share: this checkout as a program to install, and its dependencies as files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.clock import SystemClock
from tests.github_double import Double, serving
from tests.project import ROOT
from tests.workflows import acting
from tests.workflows.scene import Scene


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fetched once, by the hashes of the lock: each job installs them into a venv of its own."""
    place = tmp_path_factory.mktemp("wheels")
    lock = ROOT / ".github/actions/runner/requirements.txt"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run(
        [*pip, "--require-hashes", "-r", str(lock), "-d", str(place)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return acting.program(tmp_path_factory.mktemp("program") / "here")


@pytest.fixture
def scene(tmp_path: Path, program: Path, wheels: Path) -> Iterator[Scene]:
    with serving(Double(SystemClock())) as double:
        yield Scene(tmp_path, double, program, wheels)
    assert double.violations == []
    assert double.limits.refused == []
