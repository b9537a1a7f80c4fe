"""A job's two logs: files that it writes itself or, where it gets secrets, pipes that are read and masked."""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import Any

from runner.executors.local import wire

STDERR = "/stderr.log"
_NAMES = ("/stdout.log", STDERR)
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class Logs:
    """Of one attempt. The pipes that are still open are in `poller`, and `in` the logs, by descriptor."""

    def __init__(self, poller: select.poll, masks: tuple[str, ...]) -> None:
        self._poller = poller
        self._masks = masks
        self._pipes: dict[int, Any] = {}

    def open(self, directory: str) -> list[int]:
        """What the job is to write to. Raises OSError."""
        return [self._opened(directory + name) for name in _NAMES]

    def _opened(self, path: str) -> int:
        log = os.open(path, FLAGS, 0o666)
        if not self._masks:
            return log
        from runner.masking import Masker  # noqa: PLC0415  only for secrets: a slot stays small

        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        self._pipes[reader] = (log, Masker(self._masks))
        self._poller.register(reader, select.POLLIN)
        return writer

    def __contains__(self, fd: int) -> bool:
        return fd in self._pipes

    def copy(self, fd: int) -> bool:
        """Mask what a stream has to say; whether it may say more."""
        try:
            chunk = os.read(fd, 65536)
        except BlockingIOError:
            return True
        if chunk:
            log, masker = self._pipes[fd]
            _write(log, masker.feed(chunk))
        else:
            self._close(fd)
        return bool(chunk)

    def drain(self, seconds: float) -> None:
        """Read on until all have said everything, at most this long."""
        deadline = time.monotonic() + seconds
        while self._pipes and (rest := deadline - time.monotonic()) > 0:
            for fd in select.select(list(self._pipes), [], [], rest)[0]:
                self.copy(fd)

    def finish(self) -> None:
        """Take what is there already, and no more."""
        for fd in list(self._pipes):
            while fd in self._pipes and select.select([fd], [], [], 0)[0] and self.copy(fd):
                pass
        self.close()

    def close(self) -> None:
        for fd in list(self._pipes):
            self._close(fd)

    def _close(self, fd: int) -> None:
        log, masker = self._pipes.pop(fd)
        _write(log, masker.end())
        self._poller.unregister(fd)
        os.close(fd)
        os.close(log)


def _write(log: int, text: bytes) -> None:
    """A full disk takes a job's output, as it would without us between; the run will notice it too."""
    with contextlib.suppress(OSError):
        wire.write_all(log, text)
