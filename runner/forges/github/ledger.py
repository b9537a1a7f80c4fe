"""Where the account of the last hour is kept: in memory, or in a file that processes of one machine share."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from runner.errors import ForgeError
from runner.forges.github.budget import Spent

Answer = TypeVar("Answer")
Booking = Callable[[Spent], tuple[Spent, Answer]]


class Ledger(Protocol):
    def book(self, booking: Booking[Answer]) -> Answer:
        """Replace the account by what `booking` makes of it. Nobody else books in between."""


class OwnLedger:
    """For one process."""

    def __init__(self) -> None:
        self._spent = Spent()

    def book(self, booking: Booking[Answer]) -> Answer:
        self._spent, answer = booking(self._spent)
        return answer


class SharedLedger:
    """For every process that names the same file. Times are the machine's clock, so they can be compared.

    A file that cannot be read counts as empty: too many requests get an answer that says so, no account none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def book(self, booking: Booking[Answer]) -> Answer:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ForgeError(f"cannot keep count of requests in {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            spent, answer = booking(_read(fd))
            content = json.dumps({"requests": spent.requests, "writes": spent.writes}).encode()
            os.pwrite(fd, content, 0)
            os.ftruncate(fd, len(content))
        finally:
            os.close(fd)
        return answer


def _read(fd: int) -> Spent:
    try:
        record = json.loads(os.pread(fd, 1 << 20, 0))
        return Spent(_times(record["requests"]), _times(record["writes"]))
    except (ValueError, KeyError, TypeError):
        return Spent()


def _times(found: list[float]) -> tuple[float, ...]:
    return tuple(sorted(float(t) for t in found))
