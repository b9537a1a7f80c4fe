"""The scheduler's side of local execution: hands attempts to slots, collects their reports."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.errors import ExecutorError
from runner.executors.local import command, processes, wire
from runner.executors.local.identity import Identity
from runner.ports import Exit, Running, Spec

_PACKAGE_PARENT = str(Path(__file__).resolve().parents[3])
_BOOT = (
    "import sys; sys.path.insert(0, {parent!r}); "
    "from runner.executors.local.spawner import main; main({control}, {reports})"
)
_OWN_DESCRIPTORS = 32
_CLOSE_GRACE = 30.0
_PATIENCE = 3.0  # for a slot that was told to kill at once
_END_PATIENCE = 30.0  # beyond the grace, for one that was told to end its job

SPAWNER_MARK = "RUNNER_SPAWNER"
"""In the environment of the spawner and its slots, with the run id: a resuming runner ends those first."""
OWNER_MARK = "RUNNER_SPAWNER_OWNER"
"""The same, with the runner's process id and start time: they are not ended while it lives."""


class LocalExecutor:
    """At most `capacity` attempts at once. `environ` is what every job starts from, already cleaned.

    `identity`: who jobs are, where not ourselves; for that we must be root.
    """

    def __init__(
        self, *, run_id: str, capacity: int, environ: Mapping[str, str], identity: Identity | None = None
    ) -> None:
        self._user = (identity.uid, identity.gid) if identity is not None else None
        self._capacity = capacity
        self._environ = dict(environ)
        self._closing = False
        self._trouble: ExecutorError | None = None
        self._told: dict[str, str] = {}
        self._overdue: dict[int, float] = {}  # slots that must have ended their job by then
        self._next = 0
        self._idle: list[int] = []
        self._slot_of: dict[str, int] = {}
        self._running: dict[int, Spec] = {}
        self._known: set[str] = set()  # handles whose Running was given
        self._inbox = bytearray()
        self._run_id = run_id
        _check_descriptors(capacity)
        self._reports, self._write_reports = os.pipe()
        os.set_blocking(self._reports, False)
        self._commands: dict[int, int] = {}
        self._control, theirs = socket.socketpair()
        with theirs:
            self._spawner = self._open_spawner(theirs.fileno())
        environment = {os.fsencode(k): os.fsencode(v) for k, v in self._environ.items()}
        self._control.sendall(wire.pack((environment,)))

    def _open_spawner(self, control: int) -> subprocess.Popen[bytes]:
        code = _BOOT.format(parent=_PACKAGE_PARENT, control=control, reports=self._write_reports)
        try:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", code],
                env={SPAWNER_MARK: self._run_id, OWNER_MARK: _owner()},
                pass_fds=(control, self._write_reports),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if os.environ.get("RUNNER_DEBUG") else subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            raise ExecutorError(f"cannot start a process for jobs: {error.strerror}") from error

    def fileno(self) -> int:
        """Readable when `poll` has something to give."""
        return self._reports

    def capacity(self) -> int:
        return self._capacity

    def start(self, spec: Spec) -> None:
        slot = self._idle.pop() if self._idle else self._fork_slot()
        environment = {**spec.environment, "PWD": spec.working_directory}
        arguments, fallback = command.resolve(spec.command, spec.shell, ChainMap(environment, self._environ))
        order = wire.Order(
            arguments=arguments,
            shell_arguments=fallback,
            working_directory=spec.working_directory,
            environment=environment,
            directory=spec.directory,
            first=spec.attempt == 1,
            grace=spec.kill_grace,
            keep_processes=spec.keep_processes,
            stores_results=spec.stores_results,
            masks=spec.masks,
            user=self._user,
        )
        self._running[slot] = spec
        self._slot_of[spec.handle] = slot
        self._tell(slot, (wire.RUN, *order))

    def _fork_slot(self) -> int:
        """Ask the spawner for one more slot, with the end of a new pipe that it shall read."""
        number = self._next
        self._next += 1
        try:
            reads, writes = os.pipe()
        except OSError as error:
            raise ExecutorError(
                f"cannot open a pipe for a job: {error.strerror}",
                hint="raise the limit of open files (ulimit -n)",
            ) from error
        self._commands[number] = writes
        try:
            socket.send_fds(self._control, [wire.pack((number,))], [reads])
        except OSError as error:
            raise self._gone() from error
        finally:
            os.close(reads)
        return number

    def _tell(self, slot: int, message: tuple[Any, ...]) -> None:
        try:
            wire.write_all(self._commands[slot], wire.pack(message))
        except BrokenPipeError:  # the slot is dead, and its DIED report under way
            if self._spawner.poll() is not None:
                raise self._gone() from None

    def _gone(self) -> ExecutorError:
        return ExecutorError(
            "the process that starts jobs was killed", hint="`runner resume` goes on where this run stopped"
        )

    def cancel(self, handle: str, why: str, *, at_once: bool = False) -> None:
        slot = self._slot_of.get(handle)
        if slot is not None:
            self._tell(slot, (wire.KILL if at_once else wire.END, why))
            self._told.setdefault(handle, why)
            patience = _PATIENCE if at_once else self._running[slot].kill_grace + _END_PATIENCE
            self._overdue[slot] = time.monotonic() + patience

    def poll(self) -> list[Running | Exit]:
        """Reports since the last call. Raises ExecutorError where no more attempts can be started here."""
        if self._trouble is not None:  # what was reported with it was given first
            raise self._trouble
        while True:
            try:
                chunk = os.read(self._reports, 262144)
            except BlockingIOError:
                break
            self._inbox += chunk
            if len(chunk) < 262144:
                break
        found: list[Running | Exit] = []
        for message in wire.unpack(self._inbox):
            found += self._understand(message)
        self._end_silent_slots()
        if not found and not self._closing and self._spawner.poll() is not None:
            raise self._gone()
        return found

    def _end_silent_slots(self) -> None:
        """A slot that does not answer (its job stopped it) is killed by the spawner, its job with it."""
        now = time.monotonic()
        for slot in [slot for slot, due in self._overdue.items() if due <= now]:
            del self._overdue[slot]
            with contextlib.suppress(OSError):  # the spawner is gone: `poll` says so
                self._control.sendall(wire.pack((slot, "kill")))

    def _understand(self, message: tuple[Any, ...]) -> list[Running | Exit]:
        kind, slot = message[0], message[1]
        spec = self._running.get(slot)
        if kind == wire.RUNNING:
            if spec is None:
                return []
            self._known.add(spec.handle)
            return [Running(handle=spec.handle, pid=message[2], process_started=message[3])]
        if kind == wire.DIED:
            os.close(self._commands.pop(slot))
            if slot in self._idle:
                self._idle.remove(slot)
        if spec is None:
            return []
        self._overdue.pop(slot, None)
        if kind != wire.DIED:
            self._told.pop(spec.handle, None)
        del self._running[slot], self._slot_of[spec.handle]
        if kind == wire.DIED:
            self._known.discard(spec.handle)
            lost = "the process that watched the job was killed"
            return [Exit(handle=spec.handle, ended=self._told.pop(spec.handle, ""), lost=True, error=lost)]
        if not spec.keep_processes:
            self._idle.append(slot)
        return self._exited(spec, wire.Exited(*message[2:]))

    def _exited(self, spec: Spec, said: wire.Exited) -> list[Running | Exit]:
        if said.failed == "broken":
            self._trouble = ExecutorError(
                f"cannot write the run's directory: {said.text}", hint="nothing is lost: mend it, then resume"
            )
            return []
        reports: list[Running | Exit] = []
        if said.pid and spec.handle not in self._known:
            running = Running(handle=spec.handle, pid=said.pid, process_started=said.started_ticks)
            reports.append(running)
        self._known.discard(spec.handle)
        return [*reports, _exit(spec.handle, said)]

    def close(self) -> None:
        """End everything that still runs. Slots end their jobs when their pipes close."""
        if self._closing:
            return
        self._closing = True
        for fd in (*self._commands.values(), self._write_reports):
            os.close(fd)
        self._control.close()
        try:
            self._spawner.wait(_CLOSE_GRACE)
        except subprocess.TimeoutExpired:  # a process that not even KILL ends, or a spawner that was stopped
            processes.kill(self._spawner.pid, 0)
            self._spawner.kill()
            self._spawner.wait()
        os.close(self._reports)


def _exit(handle: str, said: wire.Exited) -> Exit:
    exit_code, name = None, ""
    if said.status is not None:
        exit_code = os.WEXITSTATUS(said.status) if os.WIFEXITED(said.status) else None
        name = _signal_name(os.WTERMSIG(said.status)) if os.WIFSIGNALED(said.status) else ""
    return Exit(
        handle=handle,
        exit_code=exit_code,
        signal=name,
        seconds=round(said.seconds, 6),
        cpu_seconds=round(said.cpu, 6),
        max_rss=said.rss,
        ended=said.ended,
        error=said.text,
        out_of_memory=said.out_of_memory,
        leftovers=said.leftovers,
        has_output=bool(said.left & wire.OUTPUT),
        has_summary=bool(said.left & wire.SUMMARY),
        has_results=bool(said.left & wire.RESULTS),
    )


def _owner() -> str:
    stat = processes.read_stat(os.getpid())
    return f"{os.getpid()}:{stat[2] if stat else 0}"


def _check_descriptors(capacity: int) -> None:
    """Each slot takes one descriptor here: raise the soft limit for that, or say that it cannot be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = capacity + _OWN_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise ExecutorError(
                f"{capacity} jobs at a time take {wanted} open files, and {hard} are allowed",
                hint="lower --max-parallel, or raise the limit of open files (ulimit -n)",
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
