"""A machine's boot: the real script, from its timer to its end, whatever happens in between."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import resources
from runner.clouds.ec2.parameters import LARGEST_USER_DATA
from runner.errors import UsageError
from runner.launching.account import Account
from runner.launching.boot import Bundle, object_url, user_data
from runner.launching.console import explain, phases
from tests.clouds.boot_world import ACCOUNT, KEY, SECRET, TOKEN, BootWorld
from tests.clouds.making import PURPOSE
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.slow

AGENT = """
import json, os, sys
kept = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
said = {"arguments": sys.argv[1:], "environment": kept, "isolated": sys.flags.isolated}
open(os.environ["HOME"] + "/agent.json", "w").write(json.dumps(said))
"""
FAILED = "/my-runs/runner/runs/train-20261122T180405-abc123/boot/1-i-0abc.log"
BUNDLE = Bundle(name="bundles/abc.tar.gz", sha256="0" * 64)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BootWorld]:
    made = BootWorld(tmp_path)
    yield made
    made.close()


def finished(boot: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = boot.communicate(timeout=PATIENCE)
    return boot.returncode, said


def test_the_timer_comes_first_and_the_end_last(world: BootWorld) -> None:
    world.command("tar", f'/bin/sleep 1.2; exec {shutil.which("tar")} "$@"')
    status, said = finished(world.boot(world.put_bundle(AGENT)))
    assert status == 0, said
    assert world.wrong == []
    assert world.commands() == [
        "shutdown -P +240 the time to live of this machine is over",
        "shutdown -P now",
    ]
    agent = json.loads((world.folder / "agent.json").read_text())
    run = "s3://my-runs/runner/runs/train-20261122T180405-abc123"
    assert agent["arguments"][:-1] == ["--run", run, "--generation", "1", "--ttl"]
    assert 14400 - PATIENCE < int(agent["arguments"][-1]) < 14400, "what the boot has left of it"
    assert agent["isolated"] == 1
    assert agent["environment"] == {
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": world.url,
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "5",
        "AWS_METADATA_SERVICE_TIMEOUT": "5",
    }
    assert [phase.name for phase in phases(said)] == [
        "bootstrap",
        "role",
        "python",
        "fetch",
        "agent",
        "agent",
        "off",
    ]
    assert list(world.objects) == ["/my-runs/runner/bundles/abc.tar.gz"], "a boot that went well keeps no log"


def test_no_credential_is_in_the_script_the_log_or_a_command_line(world: BootWorld) -> None:
    real = shutil.which("curl")
    world.command("curl", f'printf "%s\\n" "$@" >> {world.folder}/lines; exec {real} "$@"')
    sha256 = world.put_bundle(AGENT)
    status, said = finished(world.boot(sha256))
    assert status == 0
    lines = (world.folder / "lines").read_text()
    assert "--aws-sigv4" in lines
    log = (world.folder / "home" / "boot.log").read_text()
    for place in (lines, log, said, world.script(sha256)):
        assert not [word for word in (KEY, SECRET, TOKEN) if word in place]


def test_another_bundle_than_meant_is_not_run(world: BootWorld) -> None:
    world.put_bundle(AGENT)
    status, said = finished(world.boot("0" * 64))
    assert status == 1
    assert not (world.folder / "agent.json").exists()
    assert world.commands()[-1] == "shutdown -P now"
    assert (
        explain(said) == "the machine could not start its agent: the bundle has another hash than it should"
    )
    assert explain(world.objects[FAILED].decode()) == explain(said), "the log is kept beside the run"
    assert world.wrong == []


def test_a_bundle_that_is_not_there_is_asked_for_again_and_then_told(world: BootWorld) -> None:
    status, said = finished(world.boot("0" * 64))
    assert status == 1
    assert "the bundle cannot be fetched: curl: (22) The requested URL returned error: 404" in explain(said)
    assert world.commands()[-1] == "shutdown -P now"


@pytest.mark.parametrize("hours", [-3, 5, -9000])
def test_a_clock_that_s3_does_not_take_is_set(world: BootWorld, hours: int) -> None:
    """One that is off by a year finds no certificate that holds, and has no answer from S3 at all."""
    world.hangs_up = hours < -24
    real, world.opens = shutil.which("date"), world.folder / "clock"
    wrong = f'[ "$*" = +%s ] && [ ! -e {world.opens} ] && echo $(($({real} +%s) + {hours * 3600}))'
    world.command("date", f'[ "$1" = -s ] && echo "$2" > {world.opens} || {{ {wrong}; }} || exec {real} "$@"')
    status, said = finished(world.boot(world.put_bundle(AGENT)))
    assert status == 0, said
    assert abs(int(world.opens.read_text()[1:]) - time.time()) < 60
    timer = "shutdown -P +240 the time to live of this machine is over"
    assert world.commands() == [timer, "shutdown -c", timer, "shutdown -P now"], (
        "by systemd, at a time of day"
    )
    (told,) = [phase.text for phase in phases(said) if phase.name == "clock"]
    assert abs(int(told.removeprefix("the clock of this machine is set by ").split()[0]) + hours * 3600) < 60


def test_a_clock_that_is_right_is_left_alone(world: BootWorld) -> None:
    world.command("date", f'[ "$1" != -s ] && exec {shutil.which("date")} "$@"; touch {world.folder}/set')
    status, _ = finished(world.boot("0" * 64))
    assert status == 1
    assert not (world.folder / "set").exists()


def test_a_machine_without_a_role_says_so(world: BootWorld) -> None:
    world.role = ""
    status, said = finished(world.boot(world.put_bundle(AGENT)))
    assert status == 1
    assert "this machine has no role: set aws.instance_profile" in explain(said)
    assert world.commands()[-1] == "shutdown -P now"


@pytest.mark.parametrize("script", ["exit 127", f'[[ "$*" != *sigv4* ]] && exec {shutil.which("curl")} "$@"'])
def test_a_machine_without_a_curl_for_it_says_so(world: BootWorld, script: str) -> None:
    world.command("curl", script)
    status, said = finished(world.boot(world.put_bundle(AGENT)))
    assert status == 1
    assert "there is no curl that signs requests" in explain(said)
    assert world.commands()[-1] == "shutdown -P now"


def test_an_old_python_is_replaced_from_the_systems_own_repository(world: BootWorld) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        world.command(name, "exit 1")
    new = f'#!/bin/bash\\nexec {shutil.which("python3")} "$@"\\n'
    install = f"printf '{new}' > {world.bin}/python3.11; chmod +x {world.bin}/python3.11"
    world.command("dnf", f'[ "$*" = "-q -y install python3.11" ] && {install}')
    status, said = finished(world.boot(world.put_bundle(AGENT)))
    assert status == 0, said
    assert (world.folder / "agent.json").exists()


def test_without_any_python_the_boot_says_so(world: BootWorld) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        world.command(name, "exit 1")
    world.command("dnf", "echo 'no network' >&2; exit 1")
    status, said = finished(world.boot(world.put_bundle(AGENT)))
    assert status == 1
    assert "Python 3.11 cannot be installed" in explain(said)
    assert b"no network" in world.objects[FAILED]


def test_an_agent_that_is_killed_takes_its_machine_with_it(world: BootWorld) -> None:
    main = "import os, signal; print('half', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    status, said = finished(world.boot(world.put_bundle(main)))
    assert status == 137
    assert world.commands()[-1] == "shutdown -P now"
    assert "ended with exit code 137" in explain(said)
    assert b"half" in world.objects[FAILED]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_script_that_is_ended_ends_its_agent_and_its_machine(
    world: BootWorld, number: signal.Signals
) -> None:
    main = "import os, signal; open(os.environ['HOME'] + '/up', 'w').close(); signal.pause()"
    boot = world.boot(world.put_bundle(main))
    until((world.folder / "up").exists)
    boot.send_signal(number)
    status, _ = finished(boot)
    assert status == 128 + number
    assert world.commands()[-1] == "shutdown -P now"


def test_a_machine_that_cannot_set_its_timer_does_nothing_else(world: BootWorld) -> None:
    world.command("shutdown", "exit 1")
    status, said = finished(world.boot(world.put_bundle(AGENT)))
    assert (status, said) == (1, "")
    assert world.commands() == ["poweroff -f"]


def test_it_is_far_below_what_ec2_takes() -> None:
    made = user_data(PURPOSE, ACCOUNT, BUNDLE)
    assert len(made.encode()) < LARGEST_USER_DATA / 2
    assert "@TTL" not in made
    assert "http://169.254.169.254/latest" in made
    assert made.isascii()


def test_the_script_is_sound() -> None:
    path = resources.path("templates", "boot/user-data.sh")
    checked = subprocess.run(["bash", "-n", str(path)], capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (ACCOUNT, "https://my-runs.s3.us-east-1.amazonaws.com/runner/a/b"),
        (Account(region="eu-west-1", bucket="my.runs"), "https://s3.eu-west-1.amazonaws.com/my.runs/a/b"),
        (Account(region="cn-north-1", bucket="runs"), "https://runs.s3.cn-north-1.amazonaws.com.cn/a/b"),
    ],
)
def test_objects_have_addresses(account: Account, expected: str) -> None:
    assert object_url(account, "a/b", "") == expected
    assert object_url(ACCOUNT, "a/b", "http://127.0.0.1:1/") == "http://127.0.0.1:1/my-runs/runner/a/b"


@pytest.mark.parametrize(
    "account",
    [
        dataclasses.replace(ACCOUNT, prefix="a'; rm -rf /; '"),
        dataclasses.replace(ACCOUNT, prefix="a$(id)"),
        dataclasses.replace(ACCOUNT, region="us-east-1\n"),
        dataclasses.replace(ACCOUNT, bucket=""),
        dataclasses.replace(ACCOUNT, prefix="a b"),
    ],
)
def test_a_value_that_the_shell_could_read_otherwise_is_refused(account: Account) -> None:
    with pytest.raises(UsageError, match="cannot be given to a machine"):
        user_data(PURPOSE, account, BUNDLE)


@pytest.mark.parametrize(
    ("console", "expected"),
    [
        ("", "has written nothing to its console yet"),
        ("[ 1.0] Linux\n\n[ 9.9] Kernel panic\n", "its last words: [ 1.0] Linux / [ 9.9] Kernel panic"),
        (
            "x runner-boot 100 bootstrap: run r\nrunner-boot 101 fetch: fetching\n",
            "the boot stopped at `fetch`: fetching",
        ),
        ("runner-boot 100 agent: starting the agent\r\n", "last said: starting the agent"),
        (
            "runner-boot 1 failed: one\x1b[2J\nrunner-boot 2 off: end\n",
            "could not start its agent: one\ufffd[2J",
        ),
    ],
)
def test_a_console_says_how_far_the_boot_came(console: str, expected: str) -> None:
    assert expected in explain(console)
