"""Nothing is left of a machine, whoever ends: the machine itself, its world, or the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hypervisor.init import PRESSED
from tests.hypervisor.machine import Machine, Spec
from tests.project import ROOT
from tests.waiting import PATIENCE, until

pytestmark = [
    pytest.mark.root,
    pytest.mark.xdist_group("mounts"),  # it looks at those of the whole machine
]

USER_DATA = """#!/bin/bash
setsid sleep 1000 &
trap '' TERM
echo up
exec sleep 1000
"""
STARTER = """
import json, sys
from pathlib import Path
from tests.hypervisor.test_leftovers import started
image, folder, user_data = json.loads(sys.argv[1])
machine = started(Path(image), Path(folder), user_data)
print(json.dumps(machine.processes()), flush=True)
sys.stdin.read()
"""


def mounts() -> str:
    return Path("/proc/self/mounts").read_text()


def made(image: Path, folder: Path, user_data: str) -> Machine:
    listen = [("169.254.169.254", 80)]
    spec = Spec(image=image, user_data=user_data, hostname="ip-1", address="10.0.0.4", listen=listen)
    return Machine(spec, folder)


def started(image: Path, folder: Path, user_data: str = USER_DATA) -> Machine:
    machine = made(image, folder, user_data)
    until(lambda: "up" in machine.console().split() or machine.ended() is not None)
    assert machine.ended() is None, machine.console()
    return machine


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def close(machine: Machine) -> None:
    machine.kill()
    for one in machine.sockets:
        one.close()


def test_a_killed_machine_leaves_no_process_and_no_mount(image: Path, tmp_path: Path) -> None:
    before = mounts()
    machine = started(image, tmp_path)
    inside = machine.processes()
    assert len(inside) == 2
    assert mounts() == before, "what a machine mounts is seen by itself alone"
    close(machine)
    assert machine.ended() not in {None, 0}
    assert alive(inside) == []
    assert not list((tmp_path / "mount").iterdir())


def test_a_starter_that_is_killed_takes_its_machine_with_it(image: Path, tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, json.dumps([str(image), str(tmp_path), USER_DATA])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    with starter:
        assert starter.stdout is not None
        inside = json.loads(starter.stdout.readline())
        assert len(alive(inside)) == 2
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait(PATIENCE)
    until(lambda: not alive(inside))


def test_a_power_button_ends_what_ignores_it(image: Path, tmp_path: Path) -> None:
    machine = started(image, tmp_path)
    inside = machine.processes()
    machine.press()
    until(lambda: machine.ended() is not None)
    assert alive(inside) == []
    close(machine)


def test_a_shutdown_that_is_called_off_is_none(image: Path, tmp_path: Path) -> None:
    script = "#!/bin/bash\nshutdown -P +1\nshutdown -c\necho up\nexec sleep 1000\n"
    machine = started(image, tmp_path, script)
    until(lambda: "the machine ends in 1 minutes" in machine.console())
    machine.pass_time()
    machine.press()
    until(lambda: machine.ended() is not None)
    assert machine.ended() == PRESSED, "it was not its timer"
    close(machine)


def test_user_data_that_is_no_script_is_not_run(image: Path, tmp_path: Path) -> None:
    machine = made(image, tmp_path, "echo hello")
    until(lambda: "the user data is no script" in machine.console())
    close(machine)
