"""What befalls a machine while it has a run: nothing is lost, nothing runs twice, and the log says why."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.bundle.archive import described
from runner.model import Outcome
from runner.state import RunPhase
from tests.agent.machines import RUN_ID, Cloudy, Machine
from tests.aws import Aws
from tests.builders import job, queue
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.slow


@pytest.fixture
def cloudy(aws: Aws, tmp_path: Path) -> Iterator[Cloudy]:
    with contextlib.ExitStack() as stack:
        made = Cloudy(aws, tmp_path / "machines", stack)
        try:
            yield made
        finally:
            made.close()


def notice(machine: Machine, seconds: float) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    machine.metadata.held["spot/instance-action"] = json.dumps({"action": "terminate", "time": at})


@pytest.mark.parametrize(
    "why", ["EC2 takes this spot machine back", "this machine is being shut down (SIGTERM)"]
)
def test_a_run_whose_machine_was_taken_back_goes_on_elsewhere(cloudy: Cloudy, why: str) -> None:
    """The next machine says why it came; what had ended does not run again."""
    wait = "test $RUNNER_ATTEMPT = 2 || { trap 'exit 1' TERM; while :; do sleep 0.1; done; }"
    cloudy.request(queue(job("a", command="echo a > a", result_files=("a",)), job("b", "a", command=wait)))
    first = cloudy.launch()
    until(lambda: cloudy.state().jobs["b"].attempt == 1)
    if "spot" in why:
        notice(first, 120)
    else:
        first.process.terminate()
    assert first.wait(PATIENCE) == 130, first.said()
    second = cloudy.launch(2, because="EC2 took the machine back")
    assert second.wait() == 0, second.said()
    state = cloudy.state()
    assert state.outcome is Outcome.SUCCEEDED
    assert [state.jobs[name].attempt for name in "ab"] == [1, 2]
    assert state.jobs["b"].retries == 0
    lost, here = state.machines
    assert why in lost.lost
    assert (here.generation, here.because) == (2, "EC2 took the machine back")


def test_a_job_that_hears_nothing_is_ended_before_the_machine_is(cloudy: Cloudy) -> None:
    """Half of what is left is for what the job has written."""
    cloudy.request(
        queue(job("a", command="trap '' TERM; echo begun; sleep 600 & wait; wait", kill_grace=300.0))
    )
    machine = cloudy.launch()
    until(lambda: cloudy.state().jobs["a"].attempt == 1)
    notice(machine, 20)
    assert machine.wait(PATIENCE) == 130, machine.said()
    assert cloudy.state().phase is RunPhase.INTERRUPTED
    assert cloudy.run.get("jobs/a/1/stdout.log").body == b"begun\n"  # type: ignore[union-attr]


def test_a_job_that_hears_nothing_is_ended_before_the_time_to_live_is(cloudy: Cloudy) -> None:
    cloudy.request(queue(job("a", command="trap '' TERM; sleep 600 & wait; wait", kill_grace=300.0)))
    machine = cloudy.launch(ttl=20.0)
    assert machine.wait(PATIENCE) == 130, machine.said()
    assert "Ending the jobs at once" in machine.said()
    assert "time to live" in cloudy.state().interrupted


def test_a_storm_of_refusals_costs_time_and_nothing_else(cloudy: Cloudy) -> None:
    storm = threading.Event()
    cloudy.s3.fault = lambda _number, _method, _path: "SlowDown" if storm.is_set() else ""
    jobs = [
        job(f"j{n}", command=f"echo {n} > {n}.txt; sleep 1", result_files=(f"{n}.txt",)) for n in range(20)
    ]
    cloudy.request(queue(*jobs, max_parallel=4))
    machine = cloudy.launch()
    until(lambda: cloudy.state().jobs["j0"].attempt == 1)
    storm.set()
    log = machine.home / "runs" / RUN_ID / "events.jsonl"
    until(lambda: b'"type":"run_finished"' in log.read_bytes())
    machine.process.terminate()  # the machine is shut down before it could tell
    storm.clear()
    assert machine.wait(PATIENCE) == 0, machine.said()
    state = cloudy.state()
    assert state.outcome is Outcome.SUCCEEDED
    assert [one.attempt for one in state.jobs.values()] == [1] * 20
    assert {f"jobs/j{n}/1/results/{n}.txt" for n in range(20)} <= {
        one.name for one in cloudy.run.names("jobs/")
    }


def test_the_machines_role_is_all_that_it_needs(cloudy: Cloudy) -> None:
    """No credential but those of the metadata service. While S3 takes these for expired, nothing is lost."""
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 6 * 3600))
    document = {
        "Code": "Success",
        "AccessKeyId": "ASIAROLE",
        "SecretAccessKey": "secret",
        "Token": "token",
        "Expiration": end,
    }
    expired = threading.Event()

    def judge(authorization: str) -> str:
        assert "Credential=ASIAROLE/" in authorization
        return "ExpiredToken" if expired.is_set() else ""

    cloudy.request(queue(job("a", command="until [ -e go ]; do sleep 0.1; done; echo done")))
    cloudy.s3.judge = judge
    machine = cloudy.launch(
        held={"iam/security-credentials/": "runner", "iam/security-credentials/runner": json.dumps(document)}
    )
    until(lambda: cloudy.state().jobs["a"].attempt == 1)
    expired.set()
    (machine.home / "checkout/go").touch()
    until(lambda: "have expired" in machine.said())
    expired.clear()
    assert machine.wait() == 0, machine.said()
    assert cloudy.state().outcome is Outcome.SUCCEEDED


def test_a_commit_that_leads_the_state_directory_elsewhere_fails_the_run(
    cloudy: Cloudy, tmp_path: Path
) -> None:
    """What an earlier run has kept would be unpacked there, with all rights."""
    cloudy.request(queue(job("a")))
    cloudy.run.put("state/1.tar.gz", b"")
    with tarfile.open(tmp_path / "linked.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo(".runner")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
    cloudy.pack(described(tmp_path / "linked.tar.gz"))
    assert cloudy.launch().wait() == 0
    assert "something else in the place of its state directory" in cloudy.state().jobs["a"].reason
    assert not (tmp_path / "state").exists()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(path)], check=True)
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.mark.root
@pytest.mark.xdist_group("mounts")
def test_a_full_disk_ends_the_machine_and_not_the_run(cloudy: Cloudy, small: Path) -> None:
    fill = "test $RUNNER_ATTEMPT = 2 || { cat /dev/zero > ballast; sleep 1; }"
    more = [job(f"c{n}", "b", environment={"N": "x"}) for n in range(60)]
    cloudy.request(queue(job("a", command="echo a"), job("b", "a", command=fill), *more))
    roomy, cloudy.folder = cloudy.folder, small
    first = cloudy.launch()
    assert first.wait(PATIENCE) in (4, 130), first.said()
    cloudy.folder = roomy
    state = cloudy.state()
    assert state.jobs["a"].outcome is Outcome.SUCCEEDED
    assert state.phase is RunPhase.INTERRUPTED
    assert "No space left" in state.interrupted
    second = cloudy.launch(2)
    assert second.wait() == 0, second.said()
    assert cloudy.state().outcome is Outcome.SUCCEEDED
