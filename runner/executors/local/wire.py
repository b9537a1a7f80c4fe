"""Messages between the executor and its slots: a length and a marshalled tuple.

Both ends are the same interpreter on the same machine, and only the processes that we started hold the
pipes, so `marshal` is safe here, and it is the fastest the standard library has. A report is kept below
PIPE_BUF, so that many slots can write to one pipe without mixing.
"""

from __future__ import annotations

import marshal
import os
from typing import Any

HEADER = 4
REPORT_LIMIT = 3500  # PIPE_BUF is 4096

# Commands, executor → slot: (RUN, order tuple) · (END, why, ...)
RUN, END, KILL = 0, 1, 2
# Reports, slot → executor. The spawner itself reports DIED.
RUNNING, EXITED, DIED = 0, 1, 2


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
