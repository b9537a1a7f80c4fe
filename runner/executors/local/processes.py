"""The process table, and how to end a tree of processes that may not want to.

Reads `/proc`; where there is none (macOS) a process group is all that can be reached. Imported by
the slots too: only small modules of the standard library.
"""

from __future__ import annotations

import os
import signal
import time

RESET_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""What a job finds as if nobody had ever heard or ignored them."""
HAS_PROC = os.path.isdir("/proc/self")  # noqa: PTH112  pathlib is too big for a slot


def read_stat(pid: int) -> tuple[int, str, int] | None:
    """(parent, state letter, start time in clock ticks since boot) of a process; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            text = file.read()
    except OSError:
        return None
    fields = text[text.rfind(b")") + 2 :].split()
    return int(fields[1]), fields[0].decode(), int(fields[19])


def session_of(pid: int) -> int:
    """The session of a living process; 0 when it is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            text = file.read()
    except OSError:
        return 0
    fields = text[text.rfind(b")") + 2 :].split()
    return int(fields[3]) if fields[0] != b"Z" else 0


def all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()] if HAS_PROC else []  # noqa: PTH208


def descendants(root: int) -> list[int]:
    """Every living process below `root`, zombies left out."""
    children: dict[int, list[int]] = {}
    for pid in all_pids():
        stat = read_stat(pid)
        if stat is not None:
            children.setdefault(stat[0], []).append(pid)
    found: list[int] = []
    todo = [root]
    while todo:
        for pid in children.get(todo.pop(), ()):
            todo.append(pid)
            stat = read_stat(pid)
            if stat is not None and stat[1] != "Z":
                found.append(pid)
    return found


def send(pid: int, number: int) -> bool:
    """Whether the process was there to receive the signal."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def send_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def terminate(root: int, main: int) -> int:
    """TERM to everything below `root` and to `main`'s group; how many processes were told.

    CONT follows, so that a stopped process hears it.
    """
    targets = descendants(root)
    if main:
        send_group(main, signal.SIGTERM)
    for pid in targets:
        if pid != main:
            send(pid, signal.SIGTERM)
    for pid in targets:
        send(pid, signal.SIGCONT)
    return len(targets)


def kill(root: int, main: int) -> int:
    """KILL to everything below `root`. STOP first: what does not run cannot fork meanwhile."""
    if main:
        send_group(main, signal.SIGKILL)
    targets = descendants(root)
    for pid in targets:
        send(pid, signal.SIGSTOP)
    for pid in targets:
        send(pid, signal.SIGKILL)
    return len(targets)


def oom_kills() -> int:
    """How often the kernel has killed a process for want of memory; 0 where it does not say."""
    try:
        with open("/proc/vmstat", "rb") as file:  # noqa: PTH123
            text = file.read()
    except OSError:
        return 0
    at = text.find(b"\noom_kill ")
    return int(text[at + 10 : text.find(b"\n", at + 10)]) if at >= 0 else 0


def boot_id() -> str:
    """What tells two boots of a machine apart; empty where the system does not say."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:  # noqa: PTH123
            return file.read().strip()
    except OSError:
        return ""


def wait_gone(pids: list[int], seconds: float) -> list[int]:
    """Which of these processes (not our children) still live after at most `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        pids = [pid for pid in pids if (stat := read_stat(pid)) is not None and stat[1] != "Z"]
        if not pids or time.monotonic() >= deadline:
            return pids
        time.sleep(0.01)
