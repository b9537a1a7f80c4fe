"""Which files a result pattern means.

`*`, `?` and `[…]` match within a name, `**` across folders; a folder means all below it.

Symbolic links to folders are followed only where the pattern names them: a loop of links cannot hold us.
What lies in a folder of `hidden` is found only where the pattern names that folder: `**` does not mean
the runs themselves.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from fnmatch import translate
from pathlib import Path

_MAGIC = re.compile(r"[*?\[]")


def files(folder: Path, pattern: str, hidden: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Regular files (also through a link to one), each once, in order. `pattern` is seen from `folder`."""
    seen: set[Path] = set()
    start = Path("/") if pattern.startswith("/") else folder
    parts = tuple(part for part in pattern.split("/") if part not in ("", "."))
    for match in _matches(start, parts, hidden):
        for path in _below(match, hidden):
            if path not in seen:
                seen.add(path)
                yield path


def _matches(folder: Path, parts: tuple[str, ...], hidden: frozenset[Path]) -> Iterator[Path]:
    if not parts:
        yield folder
        return
    first, rest = parts[0], parts[1:]
    if first == "**":
        for below, _ in _walk(folder, hidden):
            yield from _matches(below, rest or ("*",), hidden)
    elif not _MAGIC.search(first):
        if os.path.lexists(folder / first):
            yield from _matches(folder / first, rest, hidden)
    else:
        match = re.compile(translate(first)).match
        for name in _names(folder):
            path = folder / name
            if match(name) and path not in hidden and not (path.is_symlink() and path.is_dir()):
                yield from _matches(path, rest, hidden)


def _walk(folder: Path, hidden: frozenset[Path]) -> Iterator[tuple[Path, list[str]]]:
    """The folder and all below it with their files, links not followed."""
    for root, names, found in os.walk(folder):
        names[:] = sorted(name for name in names if Path(root, name) not in hidden)
        yield Path(root), sorted(found)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208  names, not paths
    except OSError:
        return []


def _below(path: Path, hidden: frozenset[Path]) -> Iterator[Path]:
    if not path.is_dir():
        if _is_file(path):
            yield path
        return
    for root, found in _walk(path, hidden):
        for name in found:
            if _is_file(root / name):
                yield root / name


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
