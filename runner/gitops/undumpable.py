"""Keeps other processes of the same user from reading the token out of this one.

Taking a variable out of `os.environ` leaves it in the block that the kernel shows as `/proc/PID/environ`.
Jobs run beside us, as the same user. Whoever is root, or may become it, reads it all the same.
"""

from __future__ import annotations

import ctypes
import sys

_PR_SET_DUMPABLE = 4


def become_undumpable() -> bool:
    """From now on neither the environment nor the memory of this process can be read or traced by its equals.

    False where the kernel has no such thing. Programs that are executed later are as readable as ever.
    """
    if sys.platform != "linux":
        return False
    refused: int = ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, *(ctypes.c_ulong(0) for _ in range(4)))
    return refused == 0
