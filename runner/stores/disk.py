"""Files of this machine, read and written with care, since jobs write there too and the power may go."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from runner.errors import StoreError


def open_regular(path: Path) -> BinaryIO:
    """Open a file that a job may have replaced by anything: a pipe would hold us, a device never ends.

    Raises OSError, also for what is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path) -> bytes:
    """All of it. Raises OSError."""
    with open_regular(path) as file:
        return file.read()


def write_atomically(path: Path, content: bytes) -> None:
    """The file is there whole and durable, or not at all. Raises OSError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def trouble(what: str, path: Path, error: OSError) -> StoreError:
    """A StoreError in words, with what helps against the usual reasons."""
    hints = {
        28: "free some space, then `runner resume`",
        13: "check who owns it",
        30: "it is mounted read-only",
    }
    reason = error.strerror or str(error)
    return StoreError(f"cannot {what} {path}: {reason}", hint=hints.get(error.errno or 0, ""))
