"""The scheduler's side of local execution: hands attempts to slots, collects their reports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.errors import ExecutorError
from runner.executors.local import command, wire
from runner.ports import Exit, Running, Spec

_PACKAGE_PARENT = str(Path(__file__).resolve().parents[3])
_BOOT = (
    "import sys; sys.path.insert(0, {parent!r}); "
    "from runner.executors.local.spawner import main; main({control}, {reports})"
)
_SPARE_DESCRIPTORS = 64
_CLOSE_GRACE = 30.0

SPAWNER_MARK = "RUNNER_SPAWNER"
"""In the environment of the spawner and its slots, with the run id: a resuming runner ends those first."""


class LocalExecutor:
    """At most `capacity` attempts at once. `environ` is what every job starts from, already cleaned."""

    def __init__(self, *, run_id: str, capacity: int, environ: Mapping[str, str]) -> None:
        self._capacity = capacity
        self._environ = dict(environ)
        self._closing = False
        self._trouble: ExecutorError | None = None
        self._next = 0
        self._idle: list[int] = []
        self._slot_of: dict[str, int] = {}
        self._running: dict[int, Spec] = {}
        self._known: set[str] = set()  # handles whose Running was given
        self._inbox = bytearray()
        reports, write_reports = os.pipe()
        self._reports = reports
        os.set_blocking(reports, False)
        self._write_reports = write_reports
        self._commands: dict[int, int] = {}
        self._spare: list[tuple[int, int]] = []
        self._run_id = run_id
        self._spawner: subprocess.Popen[bytes] | None = None
        self._control = -1
        self._open_spawner()

    def _open_spawner(self) -> None:
        """Start the spawner with the read ends of the pipes for all the slots it may fork."""
        count = self._capacity + min(self._capacity, _SPARE_DESCRIPTORS)
        try:
            pipes = [os.pipe() for _ in range(count)]
        except OSError as error:
            raise ExecutorError(
                f"cannot open {count} pipes for {self._capacity} jobs at a time: {error.strerror}",
                hint="lower --max-parallel, or raise the limit of open files (ulimit -n)",
            ) from error
        control, self._control = os.pipe()
        self._spare = [(n, write) for n, (_, write) in enumerate(pipes)]
        reads = [read for read, _ in pipes]
        code = _BOOT.format(parent=_PACKAGE_PARENT, control=control, reports=self._write_reports)
        try:
            self._spawner = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", code],
                env={SPAWNER_MARK: self._run_id},
                pass_fds=(control, self._write_reports, *reads),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if os.environ.get("RUNNER_DEBUG") else subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            raise ExecutorError(f"cannot start a process for jobs: {error.strerror}") from error
        for fd in (control, *reads):
            os.close(fd)
        environment = {os.fsencode(k): os.fsencode(v) for k, v in self._environ.items()}
        wire.write_all(self._control, wire.pack((environment, reads)))

    def fileno(self) -> int:
        """Readable when `poll` has something to give."""
        return self._reports

    def capacity(self) -> int:
        return self._capacity

    def start(self, spec: Spec) -> None:
        slot = self._idle.pop() if self._idle else self._fork_slot()
        environment = {**spec.environment, "PWD": spec.working_directory}
        arguments, fallback = command.resolve(spec.command, spec.shell, ChainMap(environment, self._environ))
        order = (
            wire.RUN,
            arguments,
            fallback,
            spec.working_directory,
            environment,
            spec.directory,
            spec.attempt == 1,
            spec.kill_grace,
            spec.keep_processes,
            spec.masks,
        )
        self._running[slot] = spec
        self._slot_of[spec.handle] = slot
        self._tell(slot, order)

    def _fork_slot(self) -> int:
        if not self._spare:
            raise ExecutorError(
                "too many jobs of this run keep processes alive (keep_processes), or too many slots died"
            )
        number, write = self._spare.pop(0)
        self._commands[number] = write
        try:
            wire.write_all(self._control, wire.pack((number,)))
        except BrokenPipeError as error:
            raise self._gone() from error
        return number

    def _tell(self, slot: int, message: tuple[Any, ...]) -> None:
        try:
            wire.write_all(self._commands[slot], wire.pack(message))
        except BrokenPipeError:  # the slot is dead, and its DIED report under way
            if self._spawner is None or self._spawner.poll() is not None:
                raise self._gone() from None

    def _gone(self) -> ExecutorError:
        return ExecutorError(
            "the process that starts jobs was killed", hint="`runner resume` goes on where this run stopped"
        )

    def cancel(self, handle: str, why: str, *, at_once: bool = False) -> None:
        slot = self._slot_of.get(handle)
        if slot is not None:
            self._tell(slot, (wire.KILL if at_once else wire.END, why))

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
        if not found and not self._closing and self._spawner is not None and self._spawner.poll() is not None:
            raise self._gone()
        return found

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
        del self._running[slot], self._slot_of[spec.handle]
        if kind == wire.DIED:
            self._known.discard(spec.handle)
            return [Exit(handle=spec.handle, lost=True, error="the process that watched the job was killed")]
        if not spec.keep_processes:
            self._idle.append(slot)
        return self._exited(spec, message)

    def _exited(self, spec: Spec, message: tuple[Any, ...]) -> list[Running | Exit]:
        (_, _, pid, ticks, status, seconds, cpu, rss, ended, kind, text, left, flags, oom) = message
        reports: list[Running | Exit] = []
        if kind == "broken":
            self._trouble = ExecutorError(
                f"cannot write the run's directory: {text}", hint="nothing is lost: mend it, then resume"
            )
            return []
        if pid and spec.handle not in self._known:
            reports.append(Running(handle=spec.handle, pid=pid, process_started=ticks))
        self._known.discard(spec.handle)
        exit_code, name = None, ""
        if status is not None:
            exit_code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
            name = _signal_name(os.WTERMSIG(status)) if os.WIFSIGNALED(status) else ""
        reports.append(
            Exit(
                handle=spec.handle,
                exit_code=exit_code,
                signal=name,
                seconds=round(seconds, 6),
                cpu_seconds=round(cpu, 6),
                max_rss=rss,
                ended=ended,
                error=text,
                out_of_memory=oom,
                leftovers=left,
                has_output=bool(flags & 1),
                has_summary=bool(flags & 2),
                has_results=bool(flags & 4),
            )
        )
        return reports

    def close(self) -> None:
        """End everything that still runs. Slots end their jobs when their pipes close."""
        if self._closing:
            return
        self._closing = True
        for fd in (*self._commands.values(), *(write for _, write in self._spare), self._control):
            os.close(fd)
        os.close(self._write_reports)
        if self._spawner is not None:
            try:
                self._spawner.wait(_CLOSE_GRACE)
            except subprocess.TimeoutExpired:  # a process that not even KILL ends: its spawner waits for it
                self._spawner.kill()
                self._spawner.wait()
        os.close(self._reports)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
