"""Opens what jobs left, while other jobs may exchange it: nothing that lies elsewhere, no stranger's file."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO


class OutsideError(Exception):
    """The file lies elsewhere, or belongs to somebody else."""


def open_within(path: Path, roots: Sequence[str] = (), uid: int | None = None) -> BinaryIO:
    """`roots`: real paths, in one of which it must lie (none: anywhere). `uid`: whose it must be.

    Asked of the open file, not of its path: a path may mean something else a moment later.
    Raises OSError, also for what is no regular file; OutsideError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        real = _real(descriptor, path)
        if roots and not any(is_inside(real, root) for root in roots):
            raise OutsideError("leads out of the checkout")
        if uid is not None and found.st_uid != uid:
            raise OutsideError("does not belong to the user that jobs run as")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _real(descriptor: int, path: Path) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115  a name that is no file's
    except OSError:  # not on Linux
        return os.path.realpath(path)


def is_inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def freeze(folder: Path, uid: int) -> None:
    """Take all folders from a user, from the top down: afterwards nothing in them can be exchanged.

    Raises OSError; OutsideError for a link to a stranger's file.
    """
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchown(descriptor, os.geteuid(), os.getegid())
            os.fchmod(descriptor, 0o755)
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(found.st_mode):
                        waiting.append(path / entry.name)
                    elif found.st_nlink > 1 and found.st_uid != uid:
                        raise OutsideError(f"{entry.name} does not belong to the user that jobs run as")
        finally:
            os.close(descriptor)
