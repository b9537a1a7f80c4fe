"""Machines that boot: the real user data, the real agent, and whatever may happen in between."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from runner.clouds.opening import open_cloud
from runner.launching.console import explain
from runner.launching.naming import RUN
from runner.model import Machine, Outcome
from runner.state import RunPhase
from tests.builders import job, queue
from tests.hypervisor.calls import Call
from tests.hypervisor.hypervisor import Making, Running
from tests.hypervisor.launching import RUN_ID, Launching
from tests.hypervisor.world import HyperWorld
from tests.measuring import yardstick
from tests.waiting import until

pytestmark = pytest.mark.root

TOKEN = "ghs_thisIsNobodysToken"
OWN_SHARE = 200
"""Yards of processor time (5 s here) for a short run: how long it waits depends on who else works here."""
HURRY = {"sleep": "#!/bin/sh\nexec /usr/bin/sleep 0.02\n"}
"""A boot tries again after pauses of half a minute in all."""
NO_PYTHON = {f"python3{tail}": "#!/bin/sh\nexit 1\n" for tail in ("", ".11", ".12", ".13", ".14")}
FOREVER = "touch up; while :; do /usr/bin/sleep 0.1; done"


@pytest.fixture
def launching(world: HyperWorld, tmp_path: Path) -> Launching:
    return Launching(world, tmp_path)


def up(launching: Launching, number: int = 1) -> Running:
    """The n-th machine, as soon as a job is at work there."""
    running = launching.world.wait_machine(number)
    until(lambda: running.machine.path("/opt/runner/checkout/up").exists() or not running.is_alive)
    assert running.is_alive, running.machine.console()
    return running


def how_it_ended(launching: Launching, running: Running) -> tuple[str, str]:
    launching.world.wait_gone()
    assert running.machine.ended() is not None
    return launching.world.state(running.instance_id)


BY_ITSELF = ("terminated", "Client.InstanceInitiatedShutdown")


def test_a_run_from_its_launch_to_the_end_of_its_machine(
    world: HyperWorld, launching: Launching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    launching.request(
        queue(
            job("first", command="env | sort; cat README; echo made > out.txt", result_files=("out.txt",)),
            job("second", "first", command="cat out.txt; hostname"),
        )
    )
    launched = launching.launch()
    running = world.wait_machine()
    assert running.instance_id == launched.instance_id
    assert how_it_ended(launching, running) == BY_ITSELF, running.machine.console()
    state = launching.state()
    assert state.outcome is Outcome.SUCCEEDED, running.machine.console()
    run = world.run(RUN_ID)
    log = run.get("jobs/first/1/stdout.log")
    assert log is not None
    assert b"hello\n" in log.body
    assert b"GITHUB_" not in log.body
    assert run.get("jobs/first/1/results/out.txt") is not None
    second = run.get("jobs/second/1/stdout.log")
    assert second is not None
    assert second.body.startswith(b"made\nip-"), "the machine has a name of its own"
    assert {name.name for name in run.names("")} >= {"events.jsonl", "report.md", "report.json", "agent/1"}
    first = state.jobs["first"].attempts[0].started_at - launching.asked
    work = running.machine.worked()
    print(f"\nfrom the launch to the first job: {first:.1f} s; all took {work:.1f} s of work")
    assert work / yardstick() < OWN_SHARE


def test_nothing_of_github_reaches_a_machine(
    world: HyperWorld, launching: Launching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in what it is given, nor in the environment of any of its processes, nor on its disk."""
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", TOKEN)
    launching.request(queue(job("a", command=FOREVER)))
    launching.launch()
    running = up(launching)
    environments = running.machine.told("environ").values()
    assert len(environments) >= 3, "the boot, its agent and the job at least"
    for environment in environments:
        assert TOKEN.encode() not in environment
        assert b"GITHUB_" not in environment
        assert b"AWS_SECRET" not in environment
    given = [found.body for name in world.root.names("") if (found := world.root.get(name.name)) is not None]
    assert len(given) > 4
    written = [path for path in (running.machine.folder / "scratch").rglob("*") if path.is_file()]
    assert not written, "its disk is seen by itself alone"
    boot = running.machine.path("/var/lib/cloud/instance/scripts/part-001").read_bytes()
    launcher = world.env["AWS_SECRET_ACCESS_KEY"].encode()
    assert not [one for one in (*given, boot) if TOKEN.encode() in one or launcher in one]


def test_a_machine_asks_for_its_own_run_only(world: HyperWorld, launching: Launching) -> None:
    """By its role's credentials: bundles and plan are read, and what is written is below the run."""
    launching.request(queue(job("a", command="echo x > f", result_files=("f",))))
    launching.launch()
    running = world.wait_machine()
    assert how_it_ended(launching, running) == BY_ITSELF
    own = [call for call in world.endpoint.calls if ":assumed-role/runner-instance/" in call.principal]
    assert {call.principal.rpartition("/")[2] for call in own} == {running.instance_id}
    place = f"arn:aws:s3:::{world.account.bucket}/ci"
    writes = {call.resource for call in own if call.action not in {"s3:GetObject", "s3:ListBucket"}}
    assert writes
    assert not [one for one in writes if not one.startswith(f"{place}/runs/{RUN_ID}/")]
    assert f"{place}/runs/{RUN_ID}/plan.json" not in writes
    assert f"{place}/{launching.program.name}" in {call.resource for call in own}
    assert not [call for call in world.endpoint.calls if not call.access_key], "everything is signed"


def test_a_bundle_that_was_changed_is_not_run(world: HyperWorld, launching: Launching) -> None:
    launching.request(queue(job("a")))
    launching.launch(sha256="0" * 64)
    running = world.wait_machine()
    assert how_it_ended(launching, running) == BY_ITSELF
    kept = world.run(RUN_ID).get(f"boot/1-{running.instance_id}.log")
    assert kept is not None
    expected = "the machine could not start its agent: the bundle has another hash than it should"
    assert explain(kept.body.decode()) == expected
    assert explain(open_cloud().console(running.instance_id)) == expected
    assert launching.state().phase is RunPhase.REQUESTED


def test_a_machine_without_a_network_says_so_on_its_console(world: HyperWorld, launching: Launching) -> None:
    world.hypervisor.making = Making(no_network=True, commands=HURRY)
    launching.request(queue(job("a")))
    launching.launch()
    running = world.wait_machine()
    assert how_it_ended(launching, running) == BY_ITSELF
    assert world.run(RUN_ID).get(f"boot/1-{running.instance_id}.log") is None, "there was no way"
    said = explain(open_cloud().console(running.instance_id))
    assert said.startswith("the machine could not start its agent: the bundle cannot be fetched: curl: (7)")


def test_a_machine_with_an_old_python_says_so(world: HyperWorld, launching: Launching) -> None:
    world.hypervisor.making = Making(commands=NO_PYTHON)
    launching.request(queue(job("a")))
    launching.launch()
    running = world.wait_machine()
    assert how_it_ended(launching, running) == BY_ITSELF
    kept = world.run(RUN_ID).get(f"boot/1-{running.instance_id}.log")
    assert kept is not None
    assert "there is no Python 3.11 or newer: use an image that has one" in explain(kept.body.decode())


def test_a_machine_without_a_role_says_so(world: HyperWorld, launching: Launching) -> None:
    world.hypervisor.making = Making(commands=HURRY, has_role=False)
    launching.request(queue(job("a")))
    launching.launch()
    running = world.wait_machine()
    assert how_it_ended(launching, running) == BY_ITSELF
    assert "this machine has no role" in explain(open_cloud().console(running.instance_id))


def test_an_agent_that_is_killed_ends_its_machine(world: HyperWorld, launching: Launching) -> None:
    launching.request(queue(job("a", command=FOREVER)))
    launching.launch()
    running = up(launching)
    os.kill(agent_of(running), signal.SIGKILL)
    assert how_it_ended(launching, running) == BY_ITSELF
    kept = world.run(RUN_ID).get(f"boot/1-{running.instance_id}.log")
    assert kept is not None
    assert "the machine started its agent, and last said: ended with exit code 137" in explain(
        kept.body.decode()
    )
    assert launching.state().jobs["a"].outcome is None, "the next machine finds an attempt that was cut off"


def agent_of(running: Running) -> int:
    """The process that the boot waits for."""
    found = [
        pid
        for pid, command in running.machine.told("cmdline").items()
        if b"\0/opt/runner/program\0--run\0" in command
    ]
    return min(found)


def test_a_job_that_hangs_is_ended_in_time(world: HyperWorld, launching: Launching) -> None:
    """The agent ends it before the machine's time is over: what it wrote is kept."""
    launching.ttl = 12.0
    launching.request(queue(job("a", command=f"echo begun; trap '' TERM; {FOREVER}", kill_grace=1.0)))
    launching.launch()
    assert how_it_ended(launching, world.wait_machine()) == BY_ITSELF
    state = launching.state()
    assert state.phase is RunPhase.INTERRUPTED
    assert "time to live" in state.interrupted
    log = world.run(RUN_ID).get("jobs/a/1/stdout.log")
    assert log is not None
    assert log.body == b"begun\n"


def test_a_machine_that_stands_still_is_ended_by_its_timer(world: HyperWorld, launching: Launching) -> None:
    """Whatever became of the agent and the boot: the timer is the machine's own."""
    launching.request(queue(job("a", command=FOREVER)))
    launching.launch()
    running = up(launching)
    assert "the machine ends in 10 minutes" in running.machine.console()
    for pid in running.machine.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    running.machine.pass_time()
    assert how_it_ended(launching, running) == BY_ITSELF
    assert not running.machine.processes()


def test_a_machine_that_somebody_ends_is_gone_with_all_its_processes(
    world: HyperWorld, launching: Launching
) -> None:
    launching.request(queue(job("a", command=f"trap '' TERM; setsid bash -c '{FOREVER}' & {FOREVER}")))
    launching.launch()
    running = up(launching)
    inside = running.machine.processes()
    assert open_cloud().terminate([running.instance_id], {RUN: RUN_ID}) == [running.instance_id]
    assert how_it_ended(launching, running) == ("terminated", "Client.UserInitiatedShutdown")
    assert not [pid for pid in inside if Path(f"/proc/{pid}").exists()]
    assert open_cloud().find({RUN: RUN_ID})[0].ended == "terminated"


def test_jobs_of_another_user_do_not_get_the_credentials_of_the_machine(
    world: HyperWorld, launching: Launching
) -> None:
    """`machine.user`: the metadata service is beyond its reach, and within the agent's."""
    ask = "curl -sS -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token"
    machine = Machine(provider="ec2", options={"type": "m5.large", "user": "worker"})
    launching.request(
        queue(job("a", command=f"id -un; {ask} && exit 1; echo kept > out.txt"), machine=machine)
    )
    launching.launch(machine=machine)
    running = world.wait_machine()
    assert how_it_ended(launching, running) == BY_ITSELF
    state = launching.state()
    assert state.outcome is Outcome.SUCCEEDED, (state.jobs["a"].reason, running.machine.console())
    log = world.run(RUN_ID).get("jobs/a/1/stdout.log")
    assert log is not None
    assert log.body == b"worker\n"


def test_a_run_goes_on_where_its_spot_machine_was_taken_back(world: HyperWorld, launching: Launching) -> None:
    wait = "test $RUNNER_ATTEMPT = 2 || { " + FOREVER + "; }"
    launching.request(
        queue(
            job("done", command="date +%N > out.txt", result_files=("out.txt",)),
            job("long", "done", command=f"cat out.txt; {wait}", kill_grace=1.0),
        )
    )
    launching.launch()
    first = up(launching)
    world.hypervisor.spot_notice(first.instance_id, 20.0)
    assert how_it_ended(launching, first) == BY_ITSELF, "it does not wait to be taken"
    state = launching.state()
    assert state.phase is RunPhase.INTERRUPTED
    assert "takes this spot machine back" in state.interrupted
    launching.launch(2)
    second = world.wait_machine(2)
    assert how_it_ended(launching, second) == BY_ITSELF
    state = launching.state()
    assert state.outcome is Outcome.SUCCEEDED, second.machine.console()
    assert len(state.jobs["done"].attempts) == 1
    assert len(state.jobs["long"].attempts) == 2
    logs = [world.run(RUN_ID).get(f"jobs/long/{number}/stdout.log") for number in (1, 2)]
    assert logs[0] is not None
    assert logs[1] is not None
    assert logs[0].body == logs[1].body, "the result came along"


def test_a_run_goes_on_after_its_machine_vanished(world: HyperWorld, launching: Launching) -> None:
    launching.request(queue(job("a", command="test $RUNNER_ATTEMPT = 2 || { " + FOREVER + "; }")))
    launching.launch()
    first = up(launching)
    until(lambda: launching.state().jobs["a"].attempts)
    world.hypervisor.vanish(first.instance_id)
    (told,) = open_cloud().describe([first.instance_id])
    assert (told.state, told.ended) == ("terminated", "spot")
    launching.launch(2)
    assert how_it_ended(launching, world.wait_machine(2)) == BY_ITSELF
    state = launching.state()
    assert state.outcome is Outcome.SUCCEEDED
    assert [one.finished and one.finished.outcome for one in state.jobs["a"].attempts] == [
        "lost",
        "succeeded",
    ]


def test_what_aws_refuses_for_a_while_costs_time_alone(world: HyperWorld, launching: Launching) -> None:
    """Credentials that have expired, a store that is busy, replies that are lost."""
    refused = []

    def on(number: int, call: Call) -> str:
        """Each trouble for three requests of the machine, one after the other."""
        if ":assumed-role/" not in call.principal or len(refused) >= 9:
            return ""
        refused.append(call.action)
        return ("ExpiredToken", "SlowDown", "lost")[(len(refused) - 1) // 3]

    launching.request(queue(job("a", command="touch up; until test -e on; do /usr/bin/sleep 0.1; done")))
    launching.launch()
    running = up(launching)
    world.endpoint.fault = on
    running.machine.path("/opt/runner/checkout/on").touch()
    assert how_it_ended(launching, running) == BY_ITSELF
    assert len(refused) == 9
    assert launching.state().outcome is Outcome.SUCCEEDED
    assert world.run(RUN_ID).get("events.jsonl") is not None
