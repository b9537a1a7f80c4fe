"""One machine: processes in namespaces of their own, over an image, with a network of its own.

Everything of it ends with the thread that started it, however that ends: the kernel sees to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.hypervisor import init
from tests.waiting import PATIENCE

_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--uts", "--ipc", "--kill-child", "--")
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_READY = 20.0
"""Seconds until a machine has its network; it takes a tenth of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What a machine is made of. `address`: its own. `listen`: those that are answered from outside.

    `commands`: scripts that come before those of the system, by name. `minute`: the seconds that one minute
    of its `shutdown` takes.
    """

    image: Path
    user_data: str
    hostname: str
    address: str
    listen: Sequence[tuple[str, int]]
    commands: dict[str, str] = field(default_factory=dict)
    minute: float = 60.0


class Machine:
    """Started at once. `sockets` listen inside of it, and are the caller's. `folder` is the machine's own."""

    def __init__(self, spec: Spec, folder: Path) -> None:
        self.folder = folder
        for name in ("mount", "scratch"):
            (folder / name).mkdir()
        self._console = folder / "console"
        ours, theirs = socket.socketpair()
        with ours, theirs, self._console.open("ab") as console:
            self._process = subprocess.Popen(
                self._command(spec, theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={"PATH": _PATH},
                start_new_session=True,
            )
            theirs.close()
            ours.settimeout(_READY)
            said, descriptors, _, _ = socket.recv_fds(ours, 1, len(spec.listen))
        if not said:
            self._process.wait(_READY)
            raise RuntimeError(f"the machine did not start: {self.console()}")
        self.sockets = [socket.socket(fileno=one) for one in descriptors]
        self._init = _only_child(self._process.pid)

    def _command(self, spec: Spec, parent: int) -> list[str]:
        told = {
            **{
                name: str(value) if isinstance(value, Path) else value for name, value in asdict(spec).items()
            },
            "parent": parent,
            "mount": str(self.folder / "mount"),
            "scratch": str(self.folder / "scratch"),
            "console": str(self._console),
        }
        python = [sys.executable, "-I", "-S", "-B", init.__file__, json.dumps(told)]
        return ["setpriv", "--pdeathsig", "KILL", "--", *_UNSHARE, *python]

    def console(self) -> str:
        """All that was written to it so far."""
        return self._console.read_text(errors="replace")

    def ended(self) -> int | None:
        """None while it runs; `init.PRESSED`: by its power button, 0: by its own shutdown, else killed."""
        return self._process.poll()

    def worked(self) -> float:
        """Seconds of processor time that all its processes took; known when it has ended itself."""
        return float(re.findall(r"(?m)^init: (\d+\.\d) seconds of work$", self.console())[-1])

    def press(self) -> None:
        """The power button."""
        self._signal(signal.SIGTERM)

    def pass_time(self) -> None:
        """Its timer, if it has set one, is due now."""
        self._signal(signal.SIGUSR1)

    def kill(self) -> None:
        """As a power cut does; nothing of it is left when this returns."""
        self._signal(signal.SIGKILL)
        self._process.wait(PATIENCE)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._init, number)

    def path(self, name: str) -> Path:
        """A file of the machine while it runs, seen from outside."""
        return Path(f"/proc/{self._init}/root", name.lstrip("/"))

    def told(self, name: str) -> dict[int, bytes]:
        """What /proc says of its processes, as `environ` or `cmdline`; some end while it is read."""
        found = {}
        for pid in self.processes():
            with contextlib.suppress(OSError):
                found[pid] = Path(f"/proc/{pid}/{name}").read_bytes()
        return found

    def processes(self) -> list[int]:
        """All that run in it but its first, as they are called outside."""
        if self.ended() is not None:
            return []
        own = os.readlink(f"/proc/{self._init}/ns/pid")
        found = []
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if entry.isdecimal() and os.readlink(f"/proc/{entry}/ns/pid") == own:
                    found.append(int(entry))
        return [pid for pid in found if pid != self._init]


def _only_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
