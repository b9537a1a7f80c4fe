"""The first process of a machine: it makes the machine's world, runs the user data, and ends with it.

Run as process 1 of new namespaces, by the Python of the tests, with nothing but the standard library:
`init.py SPEC`, where SPEC is the JSON of `machine.Spec`. What it prints is on the machine's console.

Exit codes: 0 the machine shut itself down, 3 its power button was pressed, anything else a bug here.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PRESSED = 3
_GRACE = 5.0
"""Seconds that processes have after TERM; systemd's ninety are for machines with disks."""
_MS_BIND, _CLONE_NEWNET = 4096, 0x40000000
_CONTROL = "/run/initctl"
_TELL = f"""#!/bin/sh
printf '%s\\n' "${{0##*/}} $*" > {_CONTROL}
"""
_ENVIRONMENT = {
    # What cloud-init's last stage has. There is no HOME in it.
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}


def main(spec: dict[str, Any]) -> int:
    wakeup = _signals()
    _network(spec)
    _disk(spec, Path(spec["mount"]))
    os.chroot(spec["mount"])
    os.chdir("/")
    control = _control()
    script = _user_data(spec)
    if script:
        _start(script)
    code = Life(control, wakeup, spec["minute"]).live()
    print(f"init: {sum(os.times()[:4]):.1f} seconds of work", flush=True)
    return code


def _signals() -> int:
    """A pipe that can be read when a signal has come."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda *_: None)
    return reader


def _network(spec: dict[str, Any]) -> None:
    """Two networks, joined by a cable: the cloud's, where the metadata service is, and the machine's own.

    Who answers in them sits outside, and gets the sockets. The cloud's lives as long as its sockets do.
    """
    socket.sethostname(spec["hostname"])
    cloud = [(host, port) for host, port in spec["listen"] if not host.startswith("127.")]
    _ip(
        spec,
        "link set lo up",
        "link add cloud type veth peer name eth0",
        *(f"addr add {host}/32 dev cloud" for host, _ in cloud),
        "link set cloud up",
        f"route add {spec['address']}/32 dev cloud",
    )
    listening = {(host, port): _listening(host, port) for host, port in cloud}
    _leave(spec)
    _ip(
        spec,
        "link set lo up",
        "link set eth0 up",
        f"addr add {spec['address']}/20 dev eth0",
        *(f"route add {host} dev eth0 scope link" for host, _ in cloud),
    )
    with socket.socket(fileno=spec["parent"]) as parent:
        given = [listening.get((host, port)) or _listening(host, port) for host, port in spec["listen"]]
        socket.send_fds(parent, [b"x"], [one.fileno() for one in given])


def _listening(host: str, port: int) -> socket.socket:
    made = socket.create_server((host, port), backlog=64)
    if not host.startswith("127."):
        made.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)  # its answers go no further than the machine
    return made


def _leave(spec: dict[str, Any]) -> None:
    """Into a new network, with one end of the cable: a child that stays in the old one hands it over."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.read(reader, 1)
        _ip(spec, "link set eth0 netns 1")
        os._exit(0)
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot have a network of its own")
    os.write(writer, b"x")
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)


def _ip(spec: dict[str, Any], *lines: str) -> None:
    """By the image's own command: whoever runs the tests may have none."""
    subprocess.run(
        ["chroot", spec["image"], "ip", "-batch", "-"], input="\n".join(lines), text=True, check=True
    )


def _disk(spec: dict[str, Any], root: Path) -> None:
    """The image, with a layer in memory above it: what a machine writes ends with it."""
    scratch = Path(spec["scratch"])
    _mount("tmpfs", scratch, "tmpfs", options="mode=0755")
    for name in ("upper", "work"):
        (scratch / name).mkdir()
    layers = f"lowerdir={spec['image']},upperdir={scratch}/upper,workdir={scratch}/work"
    _mount("overlay", root, "overlay", options=layers)
    _mount("proc", root / "proc", "proc")
    _mount("sysfs", root / "sys", "sysfs")
    _mount("tmpfs", root / "run", "tmpfs", options="mode=0755")
    console = root / "dev" / "console"
    console.unlink(missing_ok=True)
    console.touch()
    _mount(spec["console"], console, "", _MS_BIND)
    (root / "etc" / "hostname").write_text(f"{spec['hostname']}\n")
    (root / "etc" / "hosts").write_text(f"127.0.0.1 localhost {spec['hostname']}\n")
    for name in ("shutdown", "poweroff", "halt"):
        _command(root / "usr" / "sbin" / name, _TELL)
    for name, text in spec["commands"].items():
        _command(root / "usr" / "local" / "bin" / name, text)


def _mount(source: str, target: Path, kind: str, flags: int = 0, options: str = "") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    words = [source.encode(), os.fsencode(target), kind.encode(), flags, options.encode()]
    if libc.mount(*words[:3], ctypes.c_ulong(flags), words[4]):
        number = ctypes.get_errno()
        raise OSError(number, f"cannot mount {kind or source}: {os.strerror(number)}", str(target))


def _command(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _control() -> int:
    os.mkfifo(_CONTROL, 0o600)
    return os.open(_CONTROL, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def _user_data(spec: dict[str, Any]) -> Path | None:
    """As cloud-init does: what begins as a script is one, and is run by its first line."""
    text = spec["user_data"]
    if not text.startswith("#!"):
        print("init: the user data is no script", flush=True)
        return None
    path = Path("/var/lib/cloud/instance/scripts/part-001")
    path.parent.mkdir(parents=True, exist_ok=True)
    _command(path, text)
    return path


def _start(script: Path) -> None:
    os.posix_spawn(
        script,
        [str(script)],
        _ENVIRONMENT,
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)],
        setsid=True,
        setsigdef=[signal.SIGPIPE],
    )


class Life:
    """From the boot to the end: children are reaped, the timer and the power button are watched."""

    def __init__(self, control: int, wakeup: int, minute: float) -> None:
        self._control = control
        self._wakeup = wakeup
        self._minute = minute
        self._timer: float | None = None
        signal.signal(signal.SIGTERM, self._press)
        signal.signal(signal.SIGUSR1, self._pass_time)
        self._pressed = False

    def live(self) -> int:
        while True:
            self._wait(None if self._timer is None else self._timer - time.monotonic())
            _reap()
            if self._timer is not None and time.monotonic() >= self._timer:
                return self._end(0)
            if self._pressed:
                return self._end(PRESSED)
            for order in self._orders():
                words = order.split()
                if "-f" in words:
                    return 0
                if self._is_end(words):
                    return self._end(0)

    def _press(self, *_: object) -> None:
        self._pressed = True

    def _pass_time(self, *_: object) -> None:
        """What is due some time is due now."""
        if self._timer is not None:
            self._timer = time.monotonic()

    def _wait(self, seconds: float | None) -> None:
        timeout = None if seconds is None else max(0.0, seconds)
        ready, _, _ = select.select([self._control, self._wakeup], [], [], timeout)
        if self._wakeup in ready:
            os.read(self._wakeup, 1024)

    def _orders(self) -> list[str]:
        try:
            return [line for line in os.read(self._control, 65536).decode().splitlines() if line.strip()]
        except BlockingIOError:
            return []

    def _is_end(self, words: list[str]) -> bool:
        """`shutdown -P +MINUTES TEXT`, `shutdown -c`, `shutdown now`, `poweroff`, …"""
        rest = [word for word in words[1:] if word not in {"-P", "-h", "-H"}]
        if words[0] == "shutdown" and "-c" in rest:
            self._timer = None
        elif words[0] == "shutdown" and rest[:1] != ["now"]:
            minutes = float(rest[0].removeprefix("+")) if rest else 1.0
            self._timer = time.monotonic() + minutes * self._minute
            print(f"init: the machine ends in {minutes:g} minutes", flush=True)
        else:
            return True
        return False

    def _end(self, code: int) -> int:
        for number, seconds in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
            _signal_all(number)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                if not _reap():
                    return code
                self._wait(min(0.1, until - time.monotonic()))
                self._orders()
        return code


def _signal_all(number: int) -> None:
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        return


def _reap() -> bool:
    """Whether there is still a child. Orphans become ours, so none means that nothing runs."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
