"""Files on their way to the bucket: many side by side, each tried until it is there.

Memory: no more files are begun than `_AT_ONCE`, whatever a group has.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from runner.agent.lines import Files, is_regular
from runner.errors import StoreError

_THREADS = 16
_AT_ONCE = 4 * _THREADS
FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 30.0
Put = Callable[[str, Path], None]
"""Keeps a file under a name, from any thread. Raises StoreError."""
Notice = Callable[[str], None]


@dataclass(slots=True, eq=False)
class Group:
    """Files that belong together: all of `first`, then all of `last`."""

    first: Files
    last: Files
    under_way: int = 0
    is_done: bool = False


@dataclass(slots=True)
class _Feeding:
    """Groups that have files left to begin, and those that have only to end."""

    groups: deque[Group] = field(default_factory=deque)
    under_way: int = 0


class Uploads:
    """`feed` begins what there is room for, and is called again and again; `woken` when it may help.

    `pause`: seconds before the second try of a file; it doubles with each further one.
    """

    def __init__(
        self, put: Put, *, woken: Callable[[], None], notice: Notice, pause: float = FIRST_PAUSE
    ) -> None:
        self._put = put
        self._woken = woken
        self._notice = notice
        self._pause = pause
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="shipping")
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._feeding = _Feeding()

    def add(self, first: Files, last: Files) -> Group:
        group = Group(first, last)
        self._feeding.groups.append(group)
        return group

    def add_made(self, make: Callable[[], Files]) -> Group:
        """Files that are made first, which may take long: as an upload does, beside everything else."""
        group = Group(iter(()), iter(()))
        self._begin_work(group, partial(self._make, group, make))
        self._feeding.groups.append(group)
        return group

    def feed(self) -> None:
        """Only ever from one thread."""
        waiting = self._feeding.groups
        for group in list(waiting):
            self._begin(group, group.first)
            if self._has_room() and not group.under_way:
                self._begin(group, group.last)
            if not self._has_room():
                return
            if not group.under_way:
                group.is_done = True
                waiting.remove(group)

    def begin_alone(self, work: Callable[[], None]) -> bool:
        """Something small that is worth one try, where there is room for it now."""
        if not self._has_room():
            return False
        with self._lock:
            self._feeding.under_way += 1
        self._pool.submit(self._alone, work)
        return True

    def stop(self) -> None:
        """Give up what has not ended."""
        self._stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _has_room(self) -> bool:
        return self._feeding.under_way < _AT_ONCE

    def _begin(self, group: Group, files: Iterator[tuple[str, Path]]) -> None:
        while self._has_room():
            found = next(files, None)
            if found is None:
                return
            self._begin_work(group, partial(self._keep, *found))

    def _begin_work(self, group: Group, work: Callable[[], None]) -> None:
        with self._lock:
            self._feeding.under_way += 1
            group.under_way += 1
        self._pool.submit(self._carry, group, work)

    @staticmethod
    def _make(group: Group, make: Callable[[], Files]) -> None:
        group.last = iter(list(make()))

    def _carry(self, group: Group, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # nobody asks what became of it: the log goes on without
            self._notice(f"a bug in runner: {error!r}")
            raise
        finally:
            with self._lock:
                self._feeding.under_way -= 1
                group.under_way -= 1
            self._woken()

    def _alone(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StoreError as error:
            self._notice(error.message)
        finally:
            with self._lock:
                self._feeding.under_way -= 1

    def _keep(self, name: str, file: Path) -> None:
        """Try until it is there. What cannot be read here is not waited for: a job took it away again."""
        pause = self._pause
        while not self._stopped.is_set():
            if not is_regular(file):
                self._notice(f"{name} is gone, and is not kept")
                return
            try:
                self._put(name, file)
            except StoreError as error:
                self._notice(error.message)
                self._stopped.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                return
