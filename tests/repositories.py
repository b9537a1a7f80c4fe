"""Real git repositories for tests, quick to make and deaf to the machine's own git settings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.waiting import PATIENCE

QUIET = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
"""For `Project.env`: nothing of whoever runs the tests."""
_WHO = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *_WHO, *words],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | QUIET,
        timeout=PATIENCE,
    )
    return done.stdout.strip()


def repository(folder: Path, branch: str = "main") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", branch)
    return folder


def commit_all(folder: Path, message: str = "Change") -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def files(folder: Path) -> dict[str, bytes]:
    """Every file below the folder but git's own, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }
