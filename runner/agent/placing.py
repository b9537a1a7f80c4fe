"""Where a result file was before it was kept, and how it gets there again."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import translate
from pathlib import Path, PurePosixPath

from runner.errors import RunnerError
from runner.model import Job
from runner.results.reading import is_inside
from runner.runs.copying import Piece, copy
from runner.runs.source import RunSource

Owner = tuple[int, int]
"""(uid, gid)"""


def place_of(kept: str, job: Job, checkout: Path) -> Path | None:
    """The path of a result file; None for what the job wrote into RUNNER_RESULT_DIR."""
    for pattern in job.result_files:
        base, parts = _base(pattern, checkout / job.working_directory)
        if _means(parts, PurePosixPath(kept).parts):
            return base / kept
    return None


def is_in_checkout(place: Path, checkout: Path) -> bool:
    """By its name: what links make of it is seen when it is put there."""
    return is_inside(os.path.normpath(place), os.path.normpath(checkout))


def put(source: RunSource, piece: Piece, place: Path, root: Path, owner: Owner | None = None) -> None:
    """By way of a folder of our own: nothing that the checkout has is followed, or written half.

    Raises RunnerError, also where a link leads out of `root`, and OSError.
    """
    folder = Path(os.path.realpath(place.parent))
    if not is_inside(str(folder), os.path.realpath(root)):
        raise RunnerError("its place leads out of the checkout, through a symbolic link")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restoring-", dir=folder) as scratch:
        file = Path(scratch) / "file"
        copy(source, replace(piece, name=file.name), Path(scratch))
        if owner is not None:
            os.chown(file, *owner)
        file.replace(folder / place.name)


def _base(pattern: str, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """(the folder that a kept name counts from, the pattern seen from there)."""
    if pattern.startswith("/"):
        return Path("/"), tuple(part for part in pattern.split("/") if part not in ("", "."))
    parts = tuple(part for part in os.path.normpath(pattern).split("/") if part != ".")
    ups = sum(part == ".." for part in parts)  # normalised: they all come first
    return Path(os.path.normpath(folder.joinpath(*parts[:ups]))), parts[ups:]


def _means(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Whether the pattern means this file or a folder that it is in."""
    if not pattern:
        return True
    first, rest = pattern[0], pattern[1:]
    if first == "**":
        return any(_means(rest or ("*",), path[i:]) for i in range(len(path)))
    return bool(path) and re.match(translate(first), path[0]) is not None and _means(rest, path[1:])


def placed(pieces: list[Piece], job: Job, checkout: Path) -> Iterator[tuple[Piece, Path]]:
    """Those that had a place of their own, with it."""
    for piece in pieces:
        assert piece.stored is not None  # noqa: S101  results_of gives none without
        place = place_of(piece.stored.path, job, checkout)
        if place is not None:
            yield piece, place
