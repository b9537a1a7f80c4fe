"""The spawner: one small process, started early, that forks a slot when the executor asks for one.

`python -I -S -c '…'` runs `main`; its arguments are descriptors. It is a subreaper as well: when a slot is
killed, the slot's job falls to the spawner, which ends it and reports the slot as dead.
"""

from __future__ import annotations

import _socket
import gc
import os
import select
import signal
import sys
import time

from runner.executors.local import processes, wire
from runner.executors.local.slot import Slot, become_subreaper

_LAST_PATIENCE = 25.0  # what a slot may take to end its last job
_slots: dict[int, int] = {}  # pid → number


def main(control: int, reports: int) -> None:
    """Serve until `control`, a socket, closes.

    Its first message is (environment,); (number,) comes with the command pipe of a slot to fork,
    (number, "kill") ends a slot that does not answer.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    become_subreaper()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    gc.disable()  # nothing here makes cycles, and a slot's memory is what short jobs are said to use
    spawner = _Spawner(_socket.socket(fileno=control), reports)
    poller = select.poll()
    poller.register(control, select.POLLIN)
    poller.register(woken, select.POLLIN)
    while True:
        for fd, _ in poller.poll():
            if fd == woken:
                os.read(woken, 4096)
                _bury(reports)
            elif not spawner.obey():
                _wait_for_slots(reports)
                return


class _Spawner:
    """What came over the control socket, message by message. (`_socket`: `socket` would double our size.)"""

    def __init__(self, control: _socket.socket, reports: int) -> None:
        self._control = control
        self._reports = reports
        self._inbox = bytearray()
        self._pipes: list[int] = []
        self._environment: dict[bytes, bytes] | None = None

    def obey(self) -> bool:
        """Fork the slots that are asked for; whether there may be more to come."""
        chunk, extra, _, _ = self._control.recvmsg(65536, _socket.CMSG_SPACE(64 * 4))
        for _, _, raw in extra:
            self._pipes += [int.from_bytes(raw[i : i + 4], sys.byteorder) for i in range(0, len(raw), 4)]
        self._inbox += chunk
        for message in wire.unpack(self._inbox):
            if self._environment is None:
                self._environment = message[0]
            elif len(message) == 2:
                _kill_slot(message[0])
            else:
                _fork(message[0], self._pipes.pop(0), self._reports, self._environment)
        return bool(chunk)


def _fork(number: int, commands: int, reports: int, environment: dict[bytes, bytes]) -> None:
    pid = os.fork()
    if pid:
        _slots[pid] = number
        os.close(commands)
        return
    status = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        keep = {0, 1, 2, commands, reports}
        for fd in (int(name) for name in os.listdir("/dev/fd")):  # noqa: PTH208
            if fd not in keep:
                try:
                    os.close(fd)
                except OSError:
                    continue
        os.set_inheritable(commands, False)  # no job must hold them
        os.set_inheritable(reports, False)
        become_subreaper()
        Slot(number, commands, reports, environment).serve()
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def _kill_slot(number: int) -> None:
    for pid, slot in _slots.items():
        if slot == number:
            processes.send(pid, signal.SIGKILL)


def _wait_for_slots(reports: int) -> None:
    """The runner is gone or closing: every slot sees its pipe close, ends its job and itself."""
    deadline = time.monotonic() + _LAST_PATIENCE
    while _slots:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        _slots.pop(pid, None)
        if pid == 0:
            time.sleep(0.005)
        if time.monotonic() > deadline:  # one was stopped, or its job cannot be killed
            for slot in list(_slots.values()):
                _kill_slot(slot)
            deadline += _LAST_PATIENCE
    _end_orphans()
    os.close(reports)


def _bury(reports: int) -> None:
    """Slots that are over, and the jobs of those that were killed."""
    dead = []
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid == 0:
            break
        if pid in _slots:
            dead.append(_slots.pop(pid))
    if not dead:
        return
    _end_orphans()
    for number in dead:
        os.write(reports, wire.pack((wire.DIED, number)))


def _end_orphans() -> None:
    """KILL what is below us but below no slot."""
    for _ in range(200):
        owned = {pid for slot in _slots for pid in (slot, *processes.descendants(slot))}
        orphans = [pid for pid in processes.descendants(os.getpid()) if pid not in owned]
        if not orphans:
            return
        for pid in orphans:
            processes.send(pid, signal.SIGKILL)
        processes.wait_gone(orphans, 0.1)
