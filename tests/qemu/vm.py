"""A machine that QEMU emulates. All that it reaches are two addresses, each a port of this machine.

In software and with one processor, so that it is the same machine wherever tests run.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RELAY = Path(__file__).with_name("relay.py")
MAC = "02:00:00:00:00:01"
ADDRESS = "172.31.0.10"
"""Of the guest."""
IMDS = "169.254.169.254"
AWS = "172.31.0.80"
"""Where the guest finds the emulator of AWS, on port 80."""
_NETWORK = "net=160.0.0.0/4,host=172.31.0.1,dns=172.31.0.2"
"""One network with all of these addresses in it: QEMU forwards no others."""
_UUID = "ec2e1916-9099-7caf-fd21-012345abcdef"
"""By its beginning cloud-init knows a machine of EC2."""


@dataclass(frozen=True)
class Machine:
    """`console` is what EC2 would show of it."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def console(self) -> str:
        return (self.folder / "console").read_bytes().decode("utf-8", "replace")

    def wait(self, seconds: float) -> None:
        """Until it has powered itself off."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the machine is still on after {seconds:.0f} s:\n{self.last()}") from None
        assert status == 0, (self.folder / "qemu").read_text()

    def says(self, words: str, seconds: float) -> None:
        """Until they stand on its console."""
        deadline, pause = time.monotonic() + seconds, threading.Event()
        while words not in self.console:
            assert self.process.poll() is None, f"the machine is off:\n{self.last()}"
            assert time.monotonic() < deadline, f"no {words!r} in {seconds:.0f} s:\n{self.last()}"
            pause.wait(0.2)  # asked more often, it would take the time that the machine needs

    def last(self) -> str:
        return "\n".join(self.console.splitlines()[-60:])

    def press(self, command: str) -> None:
        """`system_powerdown` is what EC2 does to end a machine."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(30)
            monitor.connect(str(self.folder / "monitor"))
            with monitor.makefile("rw") as told:
                told.readline()
                for one in ("qmp_capabilities", command):
                    told.write(json.dumps({"execute": one}) + "\n")
                    told.flush()
                    answer: dict[str, Any] = {}
                    while "return" not in answer:
                        answer = json.loads(told.readline())
                        assert "error" not in answer, answer


@contextlib.contextmanager
def booting(image: Path, disk: Path, folder: Path, ports: dict[str, int]) -> Iterator[Machine]:
    """`disk` is written to. `ports`: what answers at port 80 of an address that the guest sees."""
    (folder / "console").touch()
    relays = [
        f",guestfwd=tcp:{address}:80-cmd:{sys.executable} -IS {RELAY} {port}"
        for address, port in ports.items()
    ]
    command = [
        "qemu-system-x86_64",
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *("-machine", "pc", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "1024"),
        *("-kernel", f"{image}/vmlinuz", "-initrd", f"{image}/initrd"),
        *("-append", "root=/dev/vda rw console=ttyS0 mitigations=off"),
        *("-drive", f"file={disk},format=raw,if=virtio,cache=unsafe"),
        *("-netdev", f"user,id=lan,restrict=on,ipv6=off,{_NETWORK},dhcpstart={ADDRESS}{''.join(relays)}"),
        *("-device", f"virtio-net-pci,netdev=lan,mac={MAC},romfile="),
        *("-device", "virtio-rng-pci"),
        *("-smbios", f"type=1,manufacturer=Amazon EC2,product=t3.small,uuid={_UUID},serial={_UUID}"),
        *("-serial", f"file:{folder}/console"),
        *("-qmp", f"unix:{folder}/monitor,server=on,wait=off"),
    ]
    with (folder / "qemu").open("wb") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        yield Machine(process, folder)
    finally:
        process.kill()
        process.wait()
