"""A slot: one process that runs one attempt at a time and owns every process of it.

It is small (the memory that `wait4` reports of a short job is at least that of its spawner), it is a
subreaper (a grandchild that calls `setsid` and is orphaned becomes its child, not init's), and it dies with
the runner: when its command pipe closes, it ends its job and itself.
"""

from __future__ import annotations

import ctypes
import os
import select
import sys
from typing import Any

from runner.executors.local import processes, wire
from runner.executors.local.attempt import Attempt
from runner.executors.local.ending import ORPHAN_GRACE, end_all


def become_subreaper() -> bool:
    """Whether orphans below this process will become its children."""
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0) == 0)  # PR_SET_CHILD_SUBREAPER


class Slot:
    """`commands` is this slot's own pipe, `reports` the one that all slots write to."""

    def __init__(self, number: int, commands: int, reports: int, environment: dict[bytes, bytes]) -> None:
        self.number = number
        self.commands = commands
        self.reports = reports
        self.environment = environment
        self.inbox = bytearray()
        self.orders: list[tuple[Any, ...]] = []
        self.orphaned = False
        self.spare = ""  # the last attempt's results folder, if it was left empty and as it was made
        self.folder_mode = 0
        self.oom_kills = processes.oom_kills()
        self.poller = select.poll()
        self.poller.register(commands, select.POLLIN)
        self.null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def serve(self) -> None:
        """Run attempts until the runner closes the pipe."""
        while True:
            while not self.orders and not self.orphaned:
                self.read_commands()
            if self.orphaned:
                return
            order = self.orders.pop(0)
            if order[0] == wire.RUN:  # END for an attempt that is over already: nothing to do
                attempt = Attempt(self, wire.Order(*order[1:]))
                self.report((wire.EXITED, self.number, *attempt.run()))
                if attempt.kept:  # this slot stays behind as the owner of what the job left
                    self.keep(attempt)
                    return

    def read_commands(self) -> None:
        chunk = os.read(self.commands, 65536)
        if not chunk:
            self.orphaned = True
            self.poller.unregister(self.commands)
        self.inbox += chunk
        self.orders += wire.unpack(self.inbox)

    def report(self, message: tuple[Any, ...]) -> None:
        try:
            os.write(self.reports, wire.pack(message))
        except BrokenPipeError:
            self.orphaned = True

    def keep(self, attempt: Attempt) -> None:
        """What it still says is masked too: a process whose output nobody reads any more is ended by that."""
        while not self.orphaned:
            for fd, _ in self.poller.poll():
                if fd in attempt.logs:
                    attempt.logs.copy(fd)
                else:
                    self.read_commands()
        end_all(self, 0, ORPHAN_GRACE, attempt)
        attempt.logs.finish()
