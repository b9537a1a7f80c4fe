"""Which queue files are meant: paths as given, folders searched, or the configured patterns."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.config import Config
from runner.errors import NotFoundError

_ENDINGS = (".yaml", ".yml", ".json")
_SKIPPED = frozenset({".git", ".runner", "node_modules", "__pycache__", ".venv"})


def discover(paths: Sequence[Path], config: Config, checkout: Path) -> list[Path]:
    """The queue files below `paths`, or those of the configuration's patterns; sorted, each once.

    A file that is named counts whatever its ending. Raises NotFoundError where a path is not there.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            below = sorted(p for p in _walk(path) if p.suffix in _ENDINGS)
        elif os.path.lexists(path):
            below = [path]
        else:
            raise NotFoundError(f"there is no file {path}", hint="check the path")
        found.update(dict.fromkeys(below))
    return list(found) if paths else _configured(config, checkout)


def is_queue_file(name: str, config: Config) -> bool:
    """Whether a path in the repository, with slashes, is one that the configuration's patterns mean."""
    return not _SKIPPED & set(name.split("/")[:-1]) and _matches(name, config.queues)


def _configured(config: Config, checkout: Path) -> list[Path]:
    """Paths as a person in the current folder would write them."""
    files = [path for top in _tops(config.queues) for path in _walk(checkout / top)]
    matching = {path for path in files if _matches(path.relative_to(checkout).as_posix(), config.queues)}
    here = Path.cwd()
    return sorted(path.relative_to(here) if path.is_relative_to(here) else path for path in matching)


def _tops(patterns: Sequence[str]) -> list[str]:
    """The fixed first folder of each pattern, so that only these are walked; "" is everything."""
    tops = {pattern.split("/")[0] if "/" in pattern else "" for pattern in patterns}
    return [""] if any(set(top) & set("*?[") or not top for top in tops) else sorted(tops)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(_match(name.split("/"), pattern.split("/")) for pattern in patterns)


def _match(name: Sequence[str], pattern: Sequence[str]) -> bool:
    """`**` stands for any number of folders, none included."""
    if not pattern:
        return not name
    if pattern[0] == "**":
        return any(_match(name[i:], pattern[1:]) for i in range(len(name) + 1))
    return bool(name) and fnmatch.fnmatchcase(name[0], pattern[0]) and _match(name[1:], pattern[1:])


def _walk(top: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        yield from (Path(folder, name) for name in sorted(files))
