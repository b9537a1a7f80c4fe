"""What the scheduler sleeps on: descriptors that become readable, a bell that anyone may ring, a time."""

from __future__ import annotations

import contextlib
import os
import select


class Wakeups:
    """`ring` is safe in signal handlers and threads; a ring is never lost, and many count as one."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._heard, self._bell = os.pipe()
        os.set_blocking(self._heard, False)
        os.set_blocking(self._bell, False)
        self._poll.register(self._heard, select.POLLIN)
        self._named: dict[str, int] = {}

    def watch(self, name: str, fd: int | None) -> None:
        """From now on this descriptor (or none) is what `name` stands for."""
        known = self._named.get(name)
        if known == fd:
            return
        if known is not None:
            self._poll.unregister(known)
            del self._named[name]
        if fd is not None:
            self._poll.register(fd, select.POLLIN)
            self._named[name] = fd

    def ring(self) -> None:
        with contextlib.suppress(OSError):  # full: it rings already; closed: nobody sleeps any more
            os.write(self._bell, b"!")

    def wait(self, seconds: float) -> None:
        """Until something is readable or rings, at most so long."""
        for fd, _ in self._poll.poll(max(0.0, seconds) * 1000):
            if fd == self._heard:
                os.read(fd, 4096)

    def close(self) -> None:
        os.close(self._heard)
        bell, self._bell = self._bell, -1
        os.close(bell)
