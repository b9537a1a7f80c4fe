"""Messages between the executor and its slots: a length and a marshalled tuple.

Both ends are the same interpreter on the same machine, and only the processes that we started hold the
pipes, so `marshal` is safe here, and it is the fastest the standard library has. A report is below PIPE_BUF
(4096 bytes), so that many slots can write to one pipe without mixing.
"""

from __future__ import annotations

import marshal
import os
from typing import Any, NamedTuple

HEADER = 4

LONGEST_TEXT = 500
# Commands, executor → slot: (RUN, *Order) · (END, why) · (KILL, why)
RUN, END, KILL = 0, 1, 2
# Reports, slot → executor: (RUNNING, slot, pid, started) · (EXITED, slot, *Exited); spawner: (DIED, slot).
RUNNING, EXITED, DIED = 0, 1, 2
# What a job left in its directory, as bits.
OUTPUT, SUMMARY, RESULTS = 1, 2, 4


class Order(NamedTuple):
    """What a slot is to run. `shell_arguments`: what to execute instead where that cannot be found.

    `user`: (uid, gid), None for who we are. `first`: the job's first attempt.
    """

    arguments: list[str]
    shell_arguments: list[str] | None
    working_directory: str
    environment: dict[str, str]
    directory: str
    first: bool
    grace: float
    keep_processes: bool
    stores_results: bool
    masks: tuple[str, ...]
    user: tuple[int, int] | None


class Exited(NamedTuple):
    """What became of it. `failed`: why it never began (`text` says more), "" where it did.

    `status` as of `wait`, None where it is not known. `left`: OUTPUT, SUMMARY, RESULTS.
    """

    pid: int = 0
    started_ticks: int = 0
    status: int | None = None
    seconds: float = 0.0
    cpu: float = 0.0
    rss: int = 0
    ended: str = ""
    failed: str = ""
    text: str = ""
    leftovers: int = 0
    left: int = 0
    out_of_memory: bool = False


def pack(message: tuple[Any, ...]) -> bytes:
    body = marshal.dumps(message)
    return len(body).to_bytes(HEADER, "little") + body


def unpack(buffer: bytearray) -> list[tuple[Any, ...]]:
    """Take the whole messages from the front of `buffer`."""
    messages = []
    start = 0
    while len(buffer) - start >= HEADER:
        end = start + HEADER + int.from_bytes(buffer[start : start + HEADER], "little")
        if len(buffer) < end:
            break
        messages.append(marshal.loads(buffer[start + HEADER : end]))  # noqa: S302
        start = end
    del buffer[:start]
    return messages


def write_all(fd: int, payload: bytes) -> None:
    view = memoryview(payload)
    while view:
        view = view[os.write(fd, view) :]
