"""From the request to the first job: what a machine says of its birth, and what is shown of it."""

from __future__ import annotations

from pathlib import Path

from runner import events as e
from runner.agent.about import About
from runner.agent.first_words import booted, launched
from runner.bundle.order import MachineOrder
from runner.launching.ledger import Record, encode, log_generation, record_name
from runner.ports import LaunchRequest
from runner.report.markdown_time import time_spent
from runner.state import RunState, fold
from runner.stores.s3.objects import Found
from tests.builders import job, queue

BOOT = """[   12.0] cloud-init[812]: something of the system
runner-boot 1795392040 bootstrap: run demo-1, generation 1
runner-boot 1795392041 python: looking for Python 3.11 or newer
runner-boot 1795392046 agent: starting the agent
"""
T = 1795392000.0
ABOUT = About(
    instance_id="i-1", type="m7i.large", region="us-east-1", zone="us-east-1b", image="ami-1", since=T + 14
)


class Ledger:
    """A bucket that has these launches of generation 1."""

    def __init__(self, *types: str) -> None:
        self._types = types

    def get(self, name: str, span: str = "") -> Found | None:
        for number, type_ in enumerate(self._types, 1):
            if name == record_name(1, number):
                request = LaunchRequest(token="t", image="ami-1", root_device="/dev/sda1", type=type_, disk=8)
                return Found(
                    body=encode(Record(generation=1, number=number, request=request)),
                    modified=T + 10 * number,
                )
        return None

    def create(self, name: str, body: bytes) -> bool:
        raise AssertionError(name, body)

    def now(self) -> float:
        return T


def born(tmp_path: Path, *types: str) -> list[e.BootPhase]:
    log = tmp_path / "boot.log"
    log.write_text(BOOT)
    return booted(Ledger(*types), 1, ABOUT, log)


def run_of(phases: list[e.BootPhase], generation: int = 1) -> RunState:
    order = MachineOrder(checkout="c", checkout_sha256="0", prices={"m7i.large": 0.1}, because="it was lost")
    made = queue(job("a"), job("b", "a"))
    log: list[e.Event] = [
        e.RunRequested(at=T + 2, queue_id="demo", by="sam"),
        launched(ABOUT, order, generation, T + 47),
        *phases,
        e.RunStarted(at=T + 49, queue_id="demo", digest="d", checkout="/c", max_parallel=2),
        e.AttemptStarted(at=T + 50, job_id="a", attempt=1, handle="r/a/1"),
        e.AttemptFinished(at=T + 60, job_id="a", attempt=1, outcome="succeeded", exit_code=0),
        e.JobFinished(at=T + 60, job_id="a", outcome="succeeded"),
        e.AttemptStarted(at=T + 61, job_id="b", attempt=1, handle="r/b/1"),
    ]
    return fold("demo-1", made, e.decode_lines(e.encode_lines(log, "demo-1")))


def test_the_phases_of_a_boot_are_those_of_the_clouds_and_of_its_log(tmp_path: Path) -> None:
    phases = born(tmp_path, "c7i.large", "m7i.large")
    assert [(phase.name, phase.at - T, phase.text) for phase in phases] == [
        ("requested", 10, "a machine of type m7i.large, after 1 that were not to be had"),
        ("running", 14, "i-1 in us-east-1b"),
        ("bootstrap", 40, "run demo-1, generation 1"),
        ("python", 41, "looking for Python 3.11 or newer"),
        ("agent", 46, "starting the agent"),
    ]


def test_a_boot_of_which_nothing_is_known_stops_nobody(tmp_path: Path) -> None:
    class Broken(Ledger):
        def get(self, name: str, span: str = "") -> Found | None:
            return Found(body=b"[")

    assert booted(Ledger(), 1, About(instance_id="i-1"), tmp_path / "none") == []
    assert booted(Broken(), 1, About(instance_id="i-1"), tmp_path) == []


def test_the_report_says_where_the_time_to_the_first_job_went(tmp_path: Path) -> None:
    state = run_of(born(tmp_path, "m7i.large"))
    assert "- Request to first job: 48s (EC2 30s, boot 6s, runner 12s)." in time_spent(state, T + 90)
    assert "- Request to first job: 48s." in time_spent(run_of([]), T + 90)
    second = time_spent(run_of(born(tmp_path, "m7i.large"), generation=2), T + 90)
    assert "(earlier machines 8s, EC2 30s, boot 6s, runner 4s)" in second


def test_a_run_knows_its_machine(tmp_path: Path) -> None:
    (machine,) = run_of(born(tmp_path, "m7i.large")).machines
    assert (machine.type, machine.zone, machine.price) == ("m7i.large", "us-east-1b", 0.1)
    assert (machine.launched_at, machine.first_job_at) == (T + 14, T + 50)
    assert machine.because == "it was lost"
    assert machine.boot["agent"] == T + 46


def test_the_time_between_two_machines_is_nobodys() -> None:
    log = [
        e.RunStarted(at=T, queue_id="demo", digest="d", checkout="/c", max_parallel=2),
        e.Heartbeat(at=T + 100),
        e.InstanceLaunched(at=T + 5000, instance_id="i-2", generation=2),
        e.BootPhase(at=T + 4990, name="agent"),
    ]
    state = fold("demo-1", queue(job("a")), log)
    assert state.elapsed(T + 5010) == 100
    state = fold("demo-1", queue(job("a")), [*log, e.RunResumed(at=T + 5020, max_parallel=2)])
    assert state.elapsed(T + 5030) == 110


def test_the_log_has_room_between_two_machines() -> None:
    assert (log_generation(1), log_generation(2)) == (1000, 2000)
