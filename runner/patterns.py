"""Which files a result pattern means.

`*`, `?` and `[…]` match within a name, `**` across folders; a folder means all below it.

Symbolic links to folders are followed only where the pattern names them: a loop of links cannot hold us.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from fnmatch import translate
from pathlib import Path

_MAGIC = re.compile(r"[*?\[]")


def files(folder: Path, pattern: str) -> Iterator[Path]:
    """Regular files (also through a link to one), each once, in order. `pattern` is seen from `folder`."""
    seen: set[Path] = set()
    start = Path("/") if pattern.startswith("/") else folder
    parts = tuple(part for part in pattern.split("/") if part not in ("", "."))
    for match in _matches(start, parts):
        for path in _below(match):
            if path not in seen:
                seen.add(path)
                yield path


def _matches(folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    if not parts:
        yield folder
        return
    first, rest = parts[0], parts[1:]
    if first == "**":
        for below in _folders(folder):
            yield from _matches(below, rest or ("*",))
    elif not _MAGIC.search(first):
        if os.path.lexists(folder / first):
            yield from _matches(folder / first, rest)
    else:
        match = re.compile(translate(first)).match
        for name in _names(folder):
            path = folder / name
            if match(name) and not (path.is_symlink() and path.is_dir()):
                yield from _matches(path, rest)


def _folders(folder: Path) -> Iterator[Path]:
    """The folder and all below it, links not followed."""
    for root, names, _ in os.walk(folder):
        names.sort()
        yield Path(root)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208  names, not paths
    except OSError:
        return []


def _below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        if _is_file(path):
            yield path
        return
    for root, names, found in os.walk(path):
        names.sort()
        for name in sorted(found):
            if _is_file(Path(root, name)):
                yield Path(root, name)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
