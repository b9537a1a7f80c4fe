"""The one place that reads and writes files of a repository: never through a symbolic link, never half.

A link inside a repository may lead anywhere, and came from whoever made the last commit.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from runner.errors import RefusedError, RunnerError

_LARGEST = 1024 * 1024


def read(root: Path, name: str) -> bytes | None:
    """The file, None where there is none. Raises RefusedError for what is no plain file of the repository."""
    path = _inside(root, name)
    try:
        if not os.path.lexists(path):
            return None
        if path.stat().st_size > _LARGEST:
            raise RefusedError(f"{name} is too large to be what it should be", hint="move it away")
        return path.read_bytes()
    except OSError as error:
        raise _trouble("read", name, error) from error


def write(root: Path, name: str, content: bytes) -> None:
    """Put the file there whole, with its folders; it keeps the permissions that it had."""
    path = _inside(root, name)
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                part.chmod(stat.S_IMODE(path.stat().st_mode))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise _trouble("write", name, error) from error


def _inside(root: Path, name: str) -> Path:
    """The path, of which every step that exists is what it should be: a folder, at the end a plain file."""
    path = root
    steps = Path(name).parts
    for number, step in enumerate(steps, 1):
        path /= step
        if path.is_symlink():
            shown = path.relative_to(root)
            raise RefusedError(
                f"{shown} is a symbolic link, and may lead out of the repository",
                hint=f"put a real {'file' if number == len(steps) else 'folder'} in its place",
            )
        if number < len(steps) and os.path.lexists(path) and not path.is_dir():
            raise RefusedError(f"{path.relative_to(root)} is not a folder", hint="move it away")
    if os.path.lexists(path) and not path.is_file():
        raise RefusedError(f"{name} is not a plain file", hint="move it away")
    return path


def _trouble(what: str, name: str, error: OSError) -> RunnerError:
    return RunnerError(
        f"cannot {what} {name}: {error.strerror or error}",
        hint="run it again when that is mended; it goes on",
    )
