"""Which of our workflows a file in `.github/workflows` is, here or in a repository that calls it."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = ".github/workflows"
MERGE, COMMAND, RECONCILE, CLOUD = "merge", "command", "reconcile", "cloud"
_OURS = re.compile(
    rf"{re.escape(FOLDER)}/(?:[A-Za-z0-9._-]*-)?({MERGE}|{COMMAND}|{RECONCILE}|{CLOUD})\.ya?ml", re.ASCII
)


def kind_of(path: str) -> str:
    """MERGE, COMMAND, RECONCILE, CLOUD, or "" for any other file."""
    match = _OURS.fullmatch(path)
    return match[1] if match else ""


def file_of(kind: str, checkout: Path) -> str:
    """The name of that workflow's file in this checkout, "" where there is none."""
    folder = checkout / FOLDER
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return next((name for name in names if kind_of(f"{FOLDER}/{name}") == kind), "")
