"""What the scenes share: this checkout as a program to install, and its dependencies as files."""

from __future__ import annotations

import contextlib
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
def pip(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of a pip that installs what the lock names, fetched once by its hashes."""
    place = tmp_path_factory.mktemp("wheels")
    lock = ROOT / ".github/actions/runner/requirements.txt"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run(
        [*command, "--require-hashes", "-r", str(lock), "-d", str(place)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(place)}


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, pip: dict[str, str]) -> dict[str, str]:
    """The outputs of the action, done once for all scenes."""
    outputs = acting.install(tmp_path_factory.mktemp("installed"), pip)
    return {f"STUB_{name.upper()}": value for name, value in outputs.items()}


@pytest.fixture
def scene(tmp_path: Path, installed: dict[str, str]) -> Iterator[Scene]:
    with _github() as double:
        yield Scene(tmp_path / "scene", double, acting.program_in_place(tmp_path / "program"), installed)


@pytest.fixture
def installing_scene(tmp_path: Path, pip: dict[str, str]) -> Iterator[Scene]:
    """Its jobs install the program by the action itself."""
    with _github() as double:
        (tmp_path / "program").mkdir()
        yield Scene(tmp_path / "scene", double, acting.program(tmp_path / "program"), pip)


@contextlib.contextmanager
def _github() -> Iterator[Double]:
    with serving(Double(SystemClock())) as double:
        yield double
    assert double.violations == []
    assert double.limits.refused == []
