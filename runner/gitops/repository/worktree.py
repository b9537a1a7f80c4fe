"""A commit as files, for as long as a step needs it.

Submodules are left out, and files of Git LFS stay pointers: a worktree has what is in the repository itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from runner.errors import RunnerError
from runner.gitops.repository import history
from runner.gitops.repository.git import ask, commit
from runner.runs.places import make_home

_SECONDS = 300.0


@contextlib.contextmanager
def checked_out(checkout: Path, a: str, folder: Path | None = None) -> Iterator[Path]:
    """The checkout itself where `a` is what it has, else a worktree in `folder` that is gone afterwards.

    Each use has a worktree of its own, `.runner/worktrees/COMMIT12` by default, with `-2`, `-3` where one
    is in use. What a process left that was killed is replaced. Raises RunnerError.
    """
    if history.head(checkout) == commit(a):
        yield checkout
        return
    with _place(folder or make_home(checkout) / "worktrees", a[:12]) as place:
        _remove(checkout, place)
        try:
            # Forced: what is remembered of a worktree whose folder is gone does not stand in the way.
            ask(
                checkout, "worktree", "add", "--quiet", "--detach", "--force", os.fspath(place), a,
                seconds=_SECONDS,
            )  # fmt: skip
            yield place
        finally:
            _remove(checkout, place)


@contextlib.contextmanager
def _place(folder: Path, name: str) -> Iterator[Path]:
    """The first place of this name that no living process has. Its lock ends with the process.

    Locks are never deleted: two processes could then hold different files of one name.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for number in count(1):
                place = folder / (name if number == 1 else f"{name}-{number}")
                fd = os.open(f"{place}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
                if _locked(fd):
                    stack.callback(os.close, fd)
                    break
                os.close(fd)
        except OSError as error:
            raise RunnerError(f"cannot make a worktree in {folder}: {error.strerror}") from error
        yield place


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(checkout: Path, place: Path) -> None:
    """As far as it goes: what jobs left there may not be ours to delete, and does no harm."""
    if os.path.lexists(place):
        shutil.rmtree(place, ignore_errors=True)
        ask(checkout, "worktree", "prune", codes=(0, 1, 128))
