"""Gathers run directories for an artifact: `python -I keep.py FROM TO`.

Jobs write into these directories, and the action that uploads follows symbolic links and gives up on a name
that Windows does not know. So only plain files are taken, and one that cannot be uploaded is left out and
counted: an odd result must not cost the whole run.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*-\d{8}T\d{6}-[a-z0-9]+", re.ASCII)
REFUSED = re.compile(r'["<>|*?:\\\r\n]')
"""What actions/upload-artifact refuses in a path."""


def main(arguments: list[str]) -> int:
    runs, kept = (Path(argument) for argument in arguments)
    for run in sorted(runs.iterdir()) if runs.is_dir() else ():
        if RUN.fullmatch(run.name) and run.is_dir() and not run.is_symlink():
            _keep(run, kept / run.name)
    return 0


def _keep(run: Path, target: Path) -> None:
    left_out = 0
    for path in _plain_files(run):
        name = path.relative_to(run)
        if REFUSED.search(str(name)) or not _took(path, target / name):
            left_out += 1
    if left_out:
        sys.stdout.write(
            f"::warning title=runner::{left_out} files of {run.name} cannot be kept as an artifact: "
            "their names have characters that it refuses, or they cannot be read\n"
        )


def _took(path: Path, target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)  # results can be large
    except OSError:  # another file system, or another owner's file
        try:
            shutil.copyfile(path, target)
        except OSError:
            return False
    return True


def _plain_files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if stat.S_ISREG(path.lstat().st_mode):
                yield path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
