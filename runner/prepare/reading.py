"""Bytes of a queue file from the outside: a path, or `-` for standard input."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from runner.document import MAX_BYTES
from runner.errors import NotFoundError, RunnerError
from runner.problems import Location, Problem

STDIN = "-"


def read(source: str, checkout: Path, stdin: bytes | None, name: str = "") -> bytes | list[Problem]:
    """The file's bytes, one more than are ever parsed at most. `name` is what a problem calls the file.

    Raises NotFoundError, RunnerError.
    """
    if source == STDIN:
        return stdin or b""
    path = Path(source)
    called = name or source
    try:
        outside = _leads_out(path, checkout)
        if outside:
            return [
                _problem(
                    name or source, "symlink", f"the link leads out of the repository, to {outside}", _COPY
                )
            ]
        return _bounded(path, called)
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {source}", hint="check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL inside of the path
        reason = getattr(error, "strerror", None) or str(error)
        raise RunnerError(
            f"{source} cannot be read: {reason}", hint="check the path and its rights"
        ) from None


def _bounded(path: Path, source: str) -> bytes | list[Problem]:
    """What is not a regular file is refused before a byte of it is read: a pipe or a device may never end."""
    # O_NONBLOCK: opening a FIFO must not wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            return [_problem(source, "file", f"this is {_kind(mode)}, not a file", "name a queue file")]
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def _leads_out(path: Path, checkout: Path) -> str:
    """Where a path inside the checkout really leads, if that is outside of it; else ""."""
    top = checkout.resolve()
    written = Path(os.path.normpath(Path.cwd() / path))
    real = path.resolve()
    inside = written.is_relative_to(top) or written.is_relative_to(checkout)
    return str(real) if inside and not real.is_relative_to(top) else ""


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((name for test, name in kinds if test(mode)), "something else")


def _problem(source: str, rule: str, message: str, hint: str) -> Problem:
    return Problem(rule=rule, message=message, hint=hint, location=Location(file=source))


_COPY = "copy the file into the repository"
