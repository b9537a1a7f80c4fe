"""Runs whose directory is not in a checkout's `.runner/`: one small file each, in the user's state folder.

One file a run, replaced atomically, so that two runners never write the same file. The index is a
convenience: where the folder cannot be written, such a run is still found by its directory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import platformdirs

_STALE = 86_400.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    run_id: str
    directory: Path
    checkout: Path


def state_folder() -> Path:
    """Where this user's program state is; it need not exist, and may be impossible to make."""
    return platformdirs.user_state_path("queue-runner")


def remember(entry: Entry) -> bool:
    """Write the entry; False where the user's state folder cannot be written."""
    target = state_folder() / "runs"
    name = f"{entry.run_id}-{hashlib.sha256(os.fsencode(entry.directory)).hexdigest()[:12]}.json"
    record = {
        "run_id": entry.run_id,
        "directory": str(entry.directory),
        "checkout": str(entry.checkout),
    }
    temporary = target / f".{name}.{os.getpid()}"
    try:
        target.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(record))
        temporary.replace(target / name)
    except OSError:
        return False
    return True


def entries() -> list[Entry]:
    """Every remembered run that has its directory. An old entry whose directory is gone is dropped."""
    found = []
    target = state_folder() / "runs"
    for path in _listing(target):
        entry = _entry(path)
        if entry is None:
            continue
        if (entry.directory / "plan.json").is_file():
            found.append(entry)
        elif not entry.directory.exists():
            _drop(path)
    return found


def _drop(path: Path) -> None:
    """A young entry stays: it is written before its directory, and the run may be about to begin."""
    with contextlib.suppress(OSError):  # a folder that cannot be written keeps its stale entries
        if time.time() - path.stat().st_mtime > _STALE:
            path.unlink()


def _listing(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if p.suffix == ".json" and not p.name.startswith("."))
    except OSError:
        return []


def _entry(path: Path) -> Entry | None:
    """None for a file that is not ours to understand: the index never stops a command."""
    try:
        record = json.loads(path.read_bytes())
        return Entry(
            run_id=str(record["run_id"]),
            directory=Path(record["directory"]),
            checkout=Path(record["checkout"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
