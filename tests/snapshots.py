"""Texts that people read, kept as files: `SNAPSHOT_UPDATE=1 pytest …` writes them."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "snapshots"


def assert_snapshot(name: str, text: str) -> None:
    """`name` is a path below tests/snapshots. A missing file is a failure that says how to write it."""
    path = FOLDER / name
    if os.environ.get("SNAPSHOT_UPDATE"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), (
        f"there is no {path}: look at the text, then SNAPSHOT_UPDATE=1 pytest writes it:\n{text}"
    )
    assert text == path.read_text(encoding="utf-8")
