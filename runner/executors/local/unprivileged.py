"""An attempt as another user: what it is given, and how it is started.

The attempt's own folder stays ours: the job writes the files in it, and can put nothing in their place.
Loaded where it is needed: a slot is small.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal

from runner.executors.local.processes import RESET_SIGNALS

_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS
_FOLDER = "/results"
_FILES = ("/output", "/summary.md")

User = tuple[int, int]
"""(uid, gid)"""


def give(directory: str, descriptors: list[int], user: User) -> None:
    """What the job writes is its user's. Raises OSError."""
    for name in _FILES:
        made = os.open(directory + name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        os.fchown(made, *user)
        os.close(made)
    os.chown(directory + _FOLDER, *user, follow_symlinks=False)
    for descriptor in descriptors:  # a job may open its own output again (/dev/stderr)
        os.fchown(descriptor, *user)


def written(directory: str) -> list[str]:
    """The names in it that say something: the files were there before the job."""
    empty = {name[1:] for name in _FILES if os.lstat(directory + name).st_size == 0}
    return [name for name in os.listdir(directory) if name not in empty]  # noqa: PTH208


def spawn(
    arguments: list[str],
    environment: dict[bytes, bytes],
    descriptors: tuple[int, int, int],
    user: User,
) -> int:
    """As `posix_spawn` in a session of its own, which knows no other user; its pid. Raises OSError.

    Nothing that is executed later gives it more rights: no `sudo`, no set-uid program.
    """
    reads, writes = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            _become(descriptors, user)
            os.execve(arguments[0], arguments, environment)  # noqa: S606
        except OSError as error:
            os.write(writes, b"%d" % (error.errno or errno.EIO))
        finally:
            os._exit(127)
    os.close(writes)
    said = os.read(reads, 16)
    os.close(reads)
    if said:
        os.waitpid(pid, 0)
        number = int(said)
        raise OSError(number, os.strerror(number), arguments[0])
    return pid


def _become(descriptors: tuple[int, int, int], user: User) -> None:
    uid, gid = user
    os.setsid()
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
    for number in RESET_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
