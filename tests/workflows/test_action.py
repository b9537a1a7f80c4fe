"""The scripts of the action: what is installed is locked, and what a run left is gathered whatever it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.project import ROOT

ACTION = ROOT / ".github/actions/runner"
RUN = "greet-20261122T120000-abc123"


def keep(runs: Path, to: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-I", str(ACTION / "keep.py"), str(runs), str(to)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def make(run: Path, *names: str) -> None:
    for name in names:
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text(name)


def test_the_lock_has_all_that_the_program_asks_for_and_only_by_hash() -> None:
    lock = (ACTION / "requirements.txt").read_text()
    locked = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", lock, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in project["dependencies"]:
        wanted = Requirement(text)
        version = locked.get(canonicalize_name(wanted.name))
        assert version is not None, f"run .github/actions/runner/lock: {text} is not in the lock"
        assert wanted.specifier.contains(version), text
    entries = re.split(r"\n(?=\S)", lock.strip())
    assert [one for one in entries if not one.startswith("#") and "--hash=sha256:" not in one] == []


def test_run_directories_are_gathered_and_nothing_else_of_the_home(tmp_path: Path) -> None:
    home = tmp_path / ".runner"
    make(home / RUN, "plan.json", "jobs/a/1/results/.hidden")
    make(home, ".gitignore", "state/greet/x", "worktrees/w/file", "cursor.json", "agents/order")
    (home / "link-20261122T120000-abc123").symlink_to(home / RUN)
    assert keep(home, tmp_path / "kept") == ""
    assert files(tmp_path / "kept") == {
        f"{RUN}/plan.json": "plan.json",
        f"{RUN}/jobs/a/1/results/.hidden": "jobs/a/1/results/.hidden",
    }


def test_links_and_pipes_are_left_behind(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    make(secret, "token")
    make(tmp_path / ".runner" / RUN, "plan.json")
    (tmp_path / ".runner" / RUN / "file").symlink_to(secret / "token")
    (tmp_path / ".runner" / RUN / "folder").symlink_to(secret)
    os.mkfifo(tmp_path / ".runner" / RUN / "pipe")
    keep(tmp_path / ".runner", tmp_path / "kept")
    assert files(tmp_path / "kept") == {f"{RUN}/plan.json": "plan.json"}


def test_a_name_that_an_artifact_cannot_hold_costs_that_file_alone(tmp_path: Path) -> None:
    make(
        tmp_path / ".runner" / RUN,
        "plan.json",
        "jobs/a/1/results/12:30.png",
        "jobs/a/1/results/a\nb::error::x",
    )
    told = keep(tmp_path / ".runner", tmp_path / "kept")
    assert files(tmp_path / "kept") == {f"{RUN}/plan.json": "plan.json"}
    assert told == (
        f"::warning title=runner::2 files of {RUN} cannot be kept as an artifact: "
        "their names have characters that it refuses, or they cannot be read\n"
    )


def test_where_nothing_ran_nothing_is_gathered(tmp_path: Path) -> None:
    assert keep(tmp_path / ".runner", tmp_path / "kept") == ""
    assert not (tmp_path / "kept").exists()
