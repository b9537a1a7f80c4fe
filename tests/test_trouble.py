"""The machine's trouble, not the job's: exit code 4, a sentence, a log that tells the truth, resumable."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.runs.reading import read
from tests.project import Project


def check_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 4, (done.returncode, done.stderr)
    last = done.stderr.strip().splitlines()
    assert any(line.startswith("runner: ") for line in last), done.stderr
    for word in words:
        assert word in done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(path)], check=True)
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def fill(path: Path) -> None:
    with (path / "ballast").open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            while True:
                try:
                    file.write(b"x" * size)
                except OSError:
                    break


@pytest.mark.root
@pytest.mark.xdist_group("mounts")
def test_a_full_disk_before_the_run(project: Project, small_disk: Path) -> None:
    fill(small_disk)
    done = project.run(
        "run", project.queue("jobs: [{job_id: a, command: 'true'}]"), "--run-dir", f"{small_disk}/run"
    )
    check_sentence(done, "No space left", "free some space")


@pytest.mark.root
@pytest.mark.xdist_group("mounts")
def test_a_full_disk_during_the_run(project: Project, small_disk: Path) -> None:
    """A job fills the disk; the run stops and says so; with space it goes on, and nothing runs twice."""
    text = """
jobs:
  - {job_id: first, command: echo x >> marks}
  - job_id: filler
    depends_on: [first]
    command: "echo x >> marks2; [ -e freed ] || cat /dev/zero > $RUNNER_RESULT_DIR/ballast || true"
  - {job_id: last, depends_on: [filler], command: 'true'}
"""
    done = project.run("run", project.queue(text), "--run-dir", f"{small_disk}/run")
    check_sentence(done, "No space left")
    _, state = read(small_disk / "run")
    assert state.jobs["first"].outcome == "succeeded"
    assert state.jobs["last"].outcome is None
    project.write("freed", "")
    for ballast in small_disk.rglob("ballast*"):
        ballast.unlink()
    again = project.run("resume", f"{small_disk}/run")
    assert again.returncode == 0, again.stderr
    _, state = read(small_disk / "run")
    assert {str(job.outcome) for job in state.jobs.values()} == {"succeeded"}
    assert (project.folder / "marks").read_text() == "x\n"


@pytest.mark.root
@pytest.mark.xdist_group("mounts")
def test_results_that_do_not_fit(project: Project, small_disk: Path) -> None:
    text = "jobs: [{job_id: a, command: head -c 1000000 /dev/zero > big, result_files: [big]}]"
    done = project.run("run", project.queue(text), "--run-dir", f"{small_disk}/run")
    check_sentence(done, "No space left", "results")
    project.write("big", "small now")
    for part in small_disk.rglob("*.part"):
        part.unlink()
    assert project.run("resume", f"{small_disk}/run").returncode == 0
    assert (small_disk / "run/jobs/a/1/results/big").read_text() == "small now"


@pytest.mark.root
@pytest.mark.xdist_group("mounts")
def test_a_read_only_directory(project: Project, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = project.run(
        "run", project.queue("jobs: [{job_id: a, command: 'true'}]"), "--run-dir", f"{small_disk}/run"
    )
    check_sentence(done, "Read-only file system")


@pytest.mark.root
@pytest.mark.xdist_group("mounts")
def test_no_bash(project: Project) -> None:
    """In a mount namespace of its own, /bin/bash is something that cannot be executed."""
    project.queue("jobs: [{job_id: a, command: 'true'}]")
    hidden = 'mount --bind /dev/null /usr/bin/bash && exec "$0" -m runner run q.yaml'
    python = str(Path(sys.executable))
    done = subprocess.run(
        ["unshare", "-m", "/bin/sh", "-c", hidden, python],
        cwd=project.folder,
        env=project.environ({}),
        capture_output=True,
        text=True,
        check=False,
    )
    check_sentence(done, "/bin/bash", "shell:")


def test_a_checkout_that_vanishes(project: Project) -> None:
    inner = Project(project.folder / "checkout")
    inner.folder.mkdir()
    gone = project.folder / "moved"
    text = f"""
jobs:
  - {{job_id: a, command: mv {inner.folder} {gone}}}
  - {{job_id: b, depends_on: [a], command: 'true'}}
"""
    done = inner.run("run", inner.queue(text), "--run-dir", str(project.directory))
    check_sentence(done, "checkout", "does not exist")
    state = project.state()
    assert state.phase == "interrupted"
    assert state.jobs["a"].outcome == "succeeded"
    again = project.run("resume", "run")
    check_sentence(again, "checkout", "does not exist")
    shutil.move(gone, inner.folder)
    assert project.run("resume", "run").returncode == 0
    assert len(project.state().jobs["a"].attempts) == 1


def test_a_run_directory_that_vanishes(project: Project) -> None:
    text = "jobs: [{job_id: a, command: rm -rf run}, {job_id: b, depends_on: [a], command: 'true'}]"
    check_sentence(project.go(text), "run")


def test_a_folder_that_belongs_to_another(project: Project) -> None:
    """`.runner` is a file: nothing can be made in it."""
    project.write(".runner", "")
    done = project.run("run", project.queue("jobs: [{job_id: a, command: 'true'}]"))
    check_sentence(done, ".runner")


def test_too_few_descriptors(project: Project) -> None:
    queue = project.queue("jobs: [{job_id: a, command: 'true'}]")
    script = f"ulimit -n 40; exec python3 -m runner run {queue} --max-parallel 100"
    environ = project.environ({"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=project.folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    check_sentence(done, "--max-parallel")


def test_no_home_is_no_trouble(project: Project) -> None:
    queue = project.queue("jobs: [{job_id: a, command: 'true'}]")
    done = subprocess.run(
        [sys.executable, "-m", "runner", "run", queue, "--run-dir", "run"],
        cwd=project.folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": project.environ({})["PYTHONPATH"],
            "HOME": "/proc/none",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
