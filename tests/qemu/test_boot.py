"""The user data under the real cloud-init, on machines of their own, from its timer to the power-off."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.launching.console import explain, phases
from runner.model import Outcome
from runner.state import RunPhase
from tests.aws import Aws
from tests.builders import job, queue
from tests.qemu.world import TTL, World

pytestmark = [pytest.mark.qemu, pytest.mark.timeout(900)]

BOOT = 600.0
"""Seconds for a boot, or for an end: ten times of what an idle machine of two processors needs."""
LOOK = """
cat input
pwd; umask; id -un
env | grep -E '^(HOME|PATH|LANG|LC_|USER|AWS_)' | sort
echo out > out.txt
systemctl show cloud-final.service -p KillMode,TimeoutStartUSec
systemctl is-active runner-end.service
cat /run/cloud-init/cloud-id
cat /run/systemd/shutdown/scheduled > scheduled
cat /run/systemd/shutdown/scheduled | grep MODE
! grep -E 'Traceback|user-data|scripts-user.*(fail|WARN)' /var/log/cloud-init-output.log
"""
SEEN = """from the commit
/opt/runner/checkout
0022
root
AWS_DEFAULT_REGION=us-east-1
AWS_ENDPOINT_URL=http://172.31.0.80
AWS_METADATA_SERVICE_NUM_ATTEMPTS=5
AWS_METADATA_SERVICE_TIMEOUT=5
AWS_REGION=us-east-1
HOME=/root
LANG=C.UTF-8
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
TimeoutStartUSec=infinity
KillMode=process
active
aws
MODE=poweroff
"""
WORK = """
trap 'echo told to end; exit 3' TERM
echo at work | tee /dev/console
while :; do sleep 0.2; done
"""


@pytest.fixture
def world(aws: Aws, tmp_path: Path) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        made = World(aws, tmp_path, stack)
        yield made
        for name in made.names("boot/"):
            print(made.body(name))  # shown where the test has failed


def test_a_run_from_the_launch_to_the_power_off(world: World) -> None:
    look = job("look", command=LOOK, result_files=("out.txt", "scheduled"))
    instance_id = world.launch(
        queue(look, job("use", "look", command="cat out.txt")), {"input": b"from the commit\n"}
    )
    machine, imds = world.boot(instance_id)
    machine.wait(2 * BOOT)

    assert world.body("jobs/look/1/stdout.log") == SEEN
    state = world.state()
    assert (state.outcome, state.instance_id) == (Outcome.SUCCEEDED, instance_id)
    assert world.body("jobs/use/1/stdout.log") == "out\n"
    assert "report.md" in world.names("report")

    console = machine.console
    told = [phase.name for phase in phases(console)]
    assert told == ["bootstrap", "role", "python", "fetch", "agent", "agent", "off"]
    assert explain(console) == "the machine started its agent, and last said: ended with exit code 0"
    assert world.names("boot/") == [], "a boot that went well keeps no log"

    scheduled = dict(line.split("=", 1) for line in world.body("jobs/look/1/results/scheduled").splitlines())
    assert int(scheduled["USEC"]) / 1e6 - phases(console)[0].at == pytest.approx(TTL, abs=60)
    told = world.ec2.describe_instance_attribute(
        InstanceId=instance_id, Attribute="instanceInitiatedShutdownBehavior"
    )
    assert told["InstanceInitiatedShutdownBehavior"] == {"Value": "terminate"}
    assert imds.refused == []


def test_a_machine_that_is_ended_from_outside_says_so_and_never_idles(world: World) -> None:
    """As by `stop-instances`: the power button, and some time. Then somebody starts it again.

    Left alone, systemd would cut the network before the agent hears of it; and at the second start there
    would be no timer, and cloud-init would run no user data.
    """
    instance_id = world.launch(queue(job("work", command=WORK), job("next", "work")), {"input": b""})
    machine, _ = world.boot(instance_id)
    machine.says("at work", BOOT)
    machine.press("system_powerdown")
    machine.wait(BOOT)

    state = world.state()
    assert state.phase is RunPhase.INTERRUPTED
    ended = state.jobs["work"].attempts[0].finished
    assert ended is not None
    assert (ended.outcome, ended.exit_code) == (Outcome.LOST, 3)
    assert world.body("jobs/work/1/stdout.log") == "at work\ntold to end\n"
    assert "ended with exit code 130" in explain(world.body(f"boot/1-{instance_id}.log"))
    assert "Waiting for process" not in machine.console, "what hangs at the end is paid for"

    machine, _ = world.boot(instance_id)
    machine.wait(BOOT)
    (told,) = phases(machine.console)
    assert (told.name, told.text) == ("off", "this machine was started again, and ends")
