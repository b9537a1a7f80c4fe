"""The wheel, built and installed in a venv of its own, works in an empty folder, far from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = [pytest.mark.wheel, pytest.mark.xdist_group("wheel")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(out), str(ROOT)]
    subprocess.run(pip, check=True, timeout=200)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, timeout=100)
    subprocess.run([place / "bin" / "pip", "install", "-q", str(wheel)], check=True, timeout=200)
    return place


@pytest.fixture
def runner(venv: Path, tmp_path: Path) -> Runner:
    return Runner(venv, tmp_path)


class Runner:
    """The installed command, in an empty folder, with an environment that knows nothing of the checkout."""

    def __init__(self, venv: Path, folder: Path) -> None:
        self.program = venv / "bin" / "runner"
        self.folder = folder / "empty"
        self.folder.mkdir()
        home = folder / "home"
        home.mkdir()
        self.environment = {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8"}

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.program, *arguments],
            check=False, cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout


def test_wheel_carries_what_the_package_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("schemas", "templates"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
        assert {f"runner/_data/{path.relative_to(ROOT)}" for path in files} <= names
    assert {"runner/_data/queues/hello.yaml", "runner/py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests/", "bench/"))]


def test_a_queue_validates_and_runs(runner: Runner) -> None:
    (runner.folder / "queue.yaml").write_text(
        "jobs:\n- job_id: hello\n  command: echo hello from the wheel\n"
    )
    runner("validate", "queue.yaml")
    runner("run", "queue.yaml")
    assert runner("logs", "hello") == "hello from the wheel\n"


def test_every_template_becomes_a_queue_that_validates(runner: Runner) -> None:
    names = [path.stem for path in sorted((ROOT / "templates" / "queues").glob("*.yaml"))]
    listed = runner("template", "list")
    for name in names:
        assert name in listed
        runner("template", "new", name)
    runner("validate")
