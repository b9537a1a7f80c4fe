"""Lines on their way to the bucket: gathered, and written as a segment every few seconds at most."""

from __future__ import annotations

import threading
from collections.abc import Callable

from runner.errors import RunnerError, StoreBusyError
from runner.stores.s3.segments import Writer

EVERY = 2.0
"""Seconds between two segments, at least, unless somebody waits (`flush`)."""
_LONGEST_PAUSE = 30.0
OnTrouble = Callable[[RunnerError], None]


class Shipper:
    """A thread writes what was added. It tries for ever where the store is only busy.

    `on_trouble` is called from that thread: with each StoreBusyError, and once with what ended it.
    """

    def __init__(self, writer: Writer, *, every: float = EVERY, on_trouble: OnTrouble | None = None) -> None:
        self._writer = writer
        self._every = every
        self._on_trouble = on_trouble or (lambda _: None)
        self._lines: list[bytes] = []
        self._gathering = threading.Lock()
        self._writing = threading.Lock()
        self._something = threading.Event()
        self._closing = threading.Event()
        self._ended: RunnerError | None = None
        self._thread = threading.Thread(target=self._ship, name="log-segments", daemon=True)
        self._thread.start()

    def add(self, lines: bytes) -> None:
        """Never waits. Raises what ended the writing, FencedError among it."""
        if self._ended is not None:
            raise self._ended
        with self._gathering:
            self._lines.append(lines)
        self._something.set()

    def flush(self) -> None:
        """Return once everything added is in the bucket. After StoreBusyError it is still on its way."""
        with self._writing:
            if self._ended is not None:
                raise self._ended
            with self._gathering:
                lines = b"".join(self._lines)
                self._lines.clear()
            try:
                self._writer.write(lines)
            except StoreBusyError:
                self._something.set()
                raise
            except RunnerError as error:
                self._ended = error
                raise

    def close(self) -> None:
        """A last flush, and the end of the thread."""
        self._closing.set()
        self._something.set()
        self._thread.join()
        self.flush()

    def _ship(self) -> None:
        pause = self._every
        while True:
            self._something.wait()
            self._something.clear()
            if self._closing.is_set():
                return
            try:
                self.flush()
                pause = self._every
            except StoreBusyError as error:
                pause = min(2 * pause, _LONGEST_PAUSE)
                self._on_trouble(error)
            except RunnerError as error:
                self._on_trouble(error)
                return
            self._closing.wait(pause)
