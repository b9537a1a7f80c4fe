"""One attempt in its slot, from its directory to its last process.

An attempt's start is reported after `QUIET` seconds or together with its end, whichever is first, so
that a short job costs the scheduler one wake-up and not two.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING

from runner.executors.local import processes, wire
from runner.executors.local.ending import ORPHAN_GRACE, end_all
from runner.executors.local.logs import FLAGS, STDERR, Logs

if TYPE_CHECKING:
    from runner.executors.local.slot import Slot

QUIET = 0.05
DRAIN = 1.0  # how long a masked log is read on after the main process ended
LINGER = 0.2  # what a background process gets to end by itself


class Attempt:
    """One attempt, from its directory to its last process."""

    def __init__(self, slot: Slot, order: wire.Order) -> None:
        self.slot = slot
        self.order = order
        self.directory = order.directory
        self.environment = {
            **slot.environment,
            **{os.fsencode(k): os.fsencode(v) for k, v in order.environment.items()},
        }
        self.logs = Logs(slot.poller, order.masks)
        self.pid = 0
        self.started_ticks = 0
        self.status: int | None = None
        self.cpu = 0.0
        self.rss = 0
        self.ended = ""
        self.leftovers = 0
        self.kept = False

    def run(self) -> wire.Exited:
        begun = time.monotonic()
        try:
            files = self.open_directory()
        except OSError as error:
            return self.failure("broken", error)
        try:
            self.spawn(files)
        except FileNotFoundError as error:
            return self.failure("missing", error)
        except OSError as error:
            return self.failure("exec", error)
        finally:
            for fd in files:
                os.close(fd)
        self.watch()
        seconds = time.monotonic() - begun
        self.after()
        return self.exited(seconds)

    def failure(self, kind: str, error: OSError) -> wire.Exited:
        text = f"{error.strerror}: {error.filename or self.order.arguments[0]}"[: wire.LONGEST_TEXT]
        if error.errno == errno.E2BIG:
            text += " (a command of more than 128 KiB, or too large an environment: put it into a script)"
        self.logs.close()
        return wire.Exited(failed=kind, text=text)

    def open_directory(self) -> list[int]:
        """Make the attempt's directory and logs. What fails here is the run's trouble, not the job's."""
        if self.order.first:
            make_folder(self.directory[: self.directory.rindex("/")])
        try:
            os.mkdir(self.directory)  # noqa: PTH102
        except FileNotFoundError:  # the first attempt was lost before it came to that
            make_folder(self.directory[: self.directory.rindex("/")])
            os.mkdir(self.directory)  # noqa: PTH102
        except FileExistsError:  # of an attempt whose lines in the log a power cut took
            os.rename(self.directory, f"{self.directory}~{time.time_ns()}")  # noqa: PTH104
            os.mkdir(self.directory)  # noqa: PTH102
        self.make_results_folder()
        files = self.logs.open(self.directory)
        if self.order.user:
            from runner.executors.local import unprivileged  # noqa: PLC0415  few need it: a slot stays small

            unprivileged.give(self.directory, files, self.order.user)
        return files

    def make_results_folder(self) -> None:
        """An empty one moves on from attempt to attempt: cheaper than a new one, and few are left about."""
        spare, self.slot.spare = self.slot.spare, ""
        if spare:
            try:
                os.rename(spare, self.directory + "/results")  # noqa: PTH104
            except OSError:  # the last job's processes, or a user, did something with it
                spare = ""
        if not spare:
            os.mkdir(self.directory + "/results")  # noqa: PTH102
            self.slot.folder_mode = os.lstat(self.directory + "/results").st_mode

    def spawn(self, files: list[int]) -> None:
        os.chdir(self.order.working_directory)  # each time: it may have been moved away or replaced meanwhile
        descriptors = (self.slot.null, files[0], files[1])
        try:
            self.pid = self.start(self.order.arguments, descriptors)
        except OSError:
            if self.order.shell_arguments is None:
                raise
            self.pid = self.start(self.order.shell_arguments, descriptors)

    def start(self, arguments: list[str], descriptors: tuple[int, int, int]) -> int:
        if self.order.user:
            from runner.executors.local import unprivileged  # noqa: PLC0415  as above

            return unprivileged.spawn(arguments, self.environment, descriptors, self.order.user)
        actions = [(os.POSIX_SPAWN_DUP2, descriptor, n) for n, descriptor in enumerate(descriptors)]
        return os.posix_spawn(
            arguments[0],
            arguments,
            self.environment,
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=processes.RESET_SIGNALS,
        )

    def watch(self) -> None:
        """Until the main process is over; commands and masked output are served meanwhile."""
        slot = self.slot
        watched = os.pidfd_open(self.pid)
        slot.poller.register(watched, select.POLLIN)
        limit: float | None = QUIET * 1000
        try:
            if slot.orders:
                self.obey()  # an end that was read together with the beginning
            while self.status is None:
                ready = slot.poller.poll(limit)
                if not ready and limit is not None:
                    limit = None
                    self.report_running()
                for fd, _ in ready:
                    if fd == watched:
                        self.reap()
                    elif fd in self.logs:
                        self.logs.copy(fd)
                    elif fd == slot.commands:
                        slot.read_commands()
                        self.obey()
        finally:
            slot.poller.unregister(watched)
            os.close(watched)

    def report_running(self) -> None:
        stat = processes.read_stat(self.pid)
        self.started_ticks = stat[2] if stat else 0
        self.slot.oom_kills = processes.oom_kills()
        self.slot.report((wire.RUNNING, self.slot.number, self.pid, self.started_ticks))

    def obey(self) -> None:
        slot = self.slot
        if slot.orphaned:
            self.ended = self.ended or "runner"
            end_all(slot, self.pid, min(self.order.grace, ORPHAN_GRACE), self)
        for order in [o for o in slot.orders if o[0] != wire.RUN]:
            slot.orders.remove(order)
            self.ended = self.ended or order[1]
            end_all(slot, self.pid, 0.0 if order[0] == wire.KILL else self.order.grace, self)

    def reap(self) -> bool:
        """Collect every child that is over; whether there is still one that lives."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self.cpu += usage.ru_utime + usage.ru_stime
            self.rss = max(self.rss, usage.ru_maxrss)
            if pid == self.pid:
                self.status = status

    def after(self) -> None:
        """The main process is over: read masked logs to their end, end what was left behind."""
        if self.reap():
            self.settle(LINGER)
        self.logs.drain(DRAIN)
        if self.reap():
            if self.order.keep_processes and not self.ended:
                self.kept = True
            else:
                self.leftovers = end_all(self.slot, 0, self.order.grace, self)
        if not self.kept:
            self.logs.finish()
        if self.leftovers:
            many = "1 process" if self.leftovers == 1 else f"{self.leftovers} processes"
            self.say(f"runner: ended {many} that the job left behind\n")

    def settle(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.reap() and time.monotonic() < deadline:
            time.sleep(0.005)

    def say(self, line: str) -> None:
        try:
            log = os.open(self.directory + STDERR, FLAGS | os.O_NONBLOCK | os.O_NOFOLLOW)
        except OSError:
            return
        with contextlib.suppress(OSError):
            os.write(log, line.encode())
        os.close(log)

    def exited(self, seconds: float) -> wire.Exited:
        return wire.Exited(
            pid=self.pid,
            started_ticks=self.started_ticks,
            status=self.status,
            seconds=seconds,
            cpu=self.cpu,
            rss=self.rss * 1024 if sys.platform != "darwin" else self.rss,
            ended=self.ended,
            leftovers=self.leftovers,
            left=self.left(),
            out_of_memory=self.was_out_of_memory(),
        )

    def left(self) -> int:
        """What the job wrote beside its logs."""
        found = 0
        try:
            names = self.names()
            found = wire.OUTPUT * ("output" in names) | wire.SUMMARY * ("summary.md" in names)
            results = self.directory + "/results"
            found |= wire.RESULTS * bool(os.listdir(results))  # noqa: PTH208
            unused = not (found & wire.RESULTS or self.kept or self.order.stores_results or self.order.user)
            if unused and os.lstat(results).st_mode == self.slot.folder_mode:
                self.slot.spare = results
        except OSError:
            pass  # the job removed its own directory: it has left nothing
        return found

    def names(self) -> list[str]:
        if self.order.user:
            from runner.executors.local import unprivileged  # noqa: PLC0415  as above

            return unprivileged.written(self.directory)
        return os.listdir(self.directory)  # noqa: PTH208

    def was_out_of_memory(self) -> bool:
        """A KILL that was not ours (or a shell's report of one) while the kernel's count grew."""
        killed = self.status is not None and (
            (os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL)
            or (os.WIFEXITED(self.status) and os.WEXITSTATUS(self.status) == 137)
        )
        if self.ended or not killed:
            return False
        before, self.slot.oom_kills = self.slot.oom_kills, processes.oom_kills()
        return self.slot.oom_kills > before


def make_folder(path: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(path)  # noqa: PTH102
