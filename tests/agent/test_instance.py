"""Machines in the cloud, from the claim to the reports; against the emulator, with real processes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner import events as e
from runner.agent.state_folder import unpack
from runner.bundle import program
from runner.bundle.sending import give_order
from runner.launching.ledger import log_generation
from runner.model import Machine, Outcome
from runner.runs.in_bucket import BucketSource
from runner.state import RunPhase
from runner.stores.s3 import Writer, put_request
from tests.agent.machines import RUN_ID, Cloudy
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


def test_a_run_from_the_claim_to_the_reports(cloudy: Cloudy) -> None:
    command = "umask; cat input; echo $LC_ALL,$LANG; echo x > out.txt"
    cloudy.request(
        queue(
            job("make", command=f"{command}; echo s > $RUNNER_STATE_DIR/s", result_files=("out.txt",)),
            job("use", "make", command="cat out.txt; exit 3"),
        ),
        {"input": b"from the commit\n"},
    )
    machine = cloudy.launch(by="sam", prices={"m7i.large": 0.1008}, because="")
    assert machine.wait() == 0, machine.said()
    state = cloudy.state()
    assert state.outcome is Outcome.FAILED
    (here,) = state.machines
    assert (here.instance_id, here.region, here.zone) == ("i-00000000000000000", "us-east-1", "us-east-1b")
    assert (here.type, here.spot, here.price, here.generation) == ("m7i.large", True, 0.1008, 1)
    assert here.boot["running"] == here.launched_at > 0
    assert here.boot["agent"] == 1795392046.0
    assert here.boot["checkout"] <= here.first_job_at
    assert cloudy.types()[:3] == ["run_requested", "instance_launched", "boot_phase"]
    asked = json.loads(BucketSource(cloudy.run).fresh().splitlines()[0])
    assert (asked["by"], asked["queue_id"]) == ("sam", "demo")
    written = cloudy.run.get("order/1.json")
    assert written is not None
    assert state.requested_at == written.modified
    log = cloudy.run.get("jobs/make/1/stdout.log")
    assert log is not None
    assert log.body == b"0022\nfrom the commit\n,C.UTF-8\n"
    assert cloudy.run.get("jobs/make/1/results/out.txt") is not None
    assert cloudy.run.get("jobs/make/1/results/manifest.json") is not None
    assert cloudy.run.get("state/1.tar.gz") is not None
    assert cloudy.run.get("events.jsonl") is not None
    report = cloudy.run.get("report.md")
    assert report is not None
    assert b"use" in report.body
    assert json.loads(cloudy.run.get("agent/1").body) == {"instance_id": "i-00000000000000000"}  # type: ignore[union-attr]
    assert len(cloudy.s3.asked) < 40, cloudy.s3.asked


def test_the_bundle_alone_is_enough(cloudy: Cloudy, tmp_path: Path) -> None:
    """With a Python that has no packages; expressions too, which another process evaluates."""
    cloudy.request(
        queue(job("a", command="echo n=1 > $RUNNER_OUTPUT"), job("b", "a", when="jobs['a'].outputs.n == '1'"))
    )
    unpack(program.build(tmp_path / "program.tar.gz").path, tmp_path / "program")
    machine = cloudy.launch(program=("-S", str(tmp_path / "program")))
    assert machine.wait() == 0, machine.said()
    state = cloudy.state()
    assert state.jobs["b"].outcome is Outcome.SUCCEEDED, state.jobs["b"].reason


def test_the_second_machine_of_a_generation_does_nothing(cloudy: Cloudy) -> None:
    cloudy.request(queue(job("a", command="echo once >> $HOME/ran")))
    assert cloudy.run.create("agent/1", b'{"instance_id": "i-another"}')
    machine = cloudy.launch()
    assert machine.wait() == 0
    assert "another machine has generation 1" in machine.said()
    assert cloudy.types() == []


def test_a_machine_that_is_gone_is_followed_by_another(cloudy: Cloudy) -> None:
    """The declared result comes back, what left none runs again, what ran is lost and runs again."""
    cloudy.request(
        queue(
            job(
                "declared",
                command="echo first > kept.txt; echo declared >> $HOME/ran",
                result_files=("*.txt",),
            ),
            job("silent", command="echo silent > /dev/null"),
            job("early", command="true"),
            job("alone", "early", command="true"),
            job("last", "declared", "silent", command="cat kept.txt; test -e go || sleep 600; exit 0"),
            max_parallel=8,
        )
    )
    first = cloudy.launch()
    until(lambda: cloudy.state().jobs["last"].attempt == 1)
    first.kill()
    second = cloudy.launch(2)
    until(lambda: cloudy.state().jobs["last"].attempt == 2)
    state = cloudy.state()
    assert state.jobs["declared"].attempt == 1
    assert state.jobs["silent"].attempt == 2
    assert (state.jobs["early"].attempt, state.jobs["alone"].attempt) == (1, 1)
    assert (second.home / "checkout/kept.txt").read_text() == "first\n"
    put_request(cloudy.run, {"type": "cancel", "job_ids": [], "by": "sam"})
    assert second.wait() == 0, second.said()
    assert cloudy.state().outcome is Outcome.CANCELLED
    assert cloudy.state().cancelled_by == "sam"


def test_a_queue_may_say_that_nothing_is_needed_of_a_machine_that_is_gone(cloudy: Cloudy) -> None:
    keeps = Machine(provider="ec2", options={"on_new_machine": "keep"})
    waits = "test $RUNNER_ATTEMPT = 2 || sleep 600"
    cloudy.request(queue(job("a", command="true"), job("b", "a", command=waits), machine=keeps))
    first = cloudy.launch()
    until(lambda: cloudy.state().jobs["b"].attempt == 1, 60)
    first.kill()
    second = cloudy.launch(2)
    assert second.wait() == 0, second.said()
    assert [job.attempt for job in cloudy.state().jobs.values()] == [1, 2]


def test_an_agent_that_is_killed_goes_on_with_the_next_generation_on_the_same_disk(cloudy: Cloudy) -> None:
    done = "test $RUNNER_ATTEMPT = 2 || sleep 600"
    cloudy.request(queue(job("a", command="echo a"), job("b", "a", command=f"echo b; {done}")))
    first = cloudy.launch()
    until(lambda: cloudy.state().jobs["b"].attempt == 1)
    first.kill()
    second = cloudy.launch(2, name="i-00000000000000000")
    assert second.wait() == 0, second.said()
    state = cloudy.state()
    assert state.outcome is Outcome.SUCCEEDED
    assert state.jobs["a"].attempt == 1
    assert [a.finished and a.finished.outcome for a in state.jobs["b"].attempts] == ["lost", "succeeded"]


def test_an_old_agent_ends_its_jobs_when_a_newer_generation_writes(cloudy: Cloudy) -> None:
    cloudy.request(queue(job("a", command="while :; do echo more; sleep 0.2; done", kill_grace=1.0)))
    first = cloudy.launch()
    until(lambda: cloudy.state().jobs["a"].attempt == 1)
    log = Writer(cloudy.run, generation=1001, name="another").fence()
    put_request(cloudy.run, {"type": "cancel", "job_ids": [], "by": "sam"})
    assert first.wait() == 4, first.said()
    assert "generation 1001 (another) writes this run's log now" in first.said()
    assert BucketSource(cloudy.run).fresh() == log
    assert cloudy.run.get("report.md") is None


@pytest.mark.parametrize("code", ["SlowDown", "ExpiredToken", "RequestTimeTooSkewed"])
def test_a_bucket_that_has_a_bad_day_costs_time_and_nothing_else(cloudy: Cloudy, code: str) -> None:
    jobs = [
        job(f"j{n}", command=f"echo {n} > {n}.txt; echo {n}", result_files=(f"{n}.txt",)) for n in range(5)
    ]
    cloudy.request(queue(*jobs))
    if code == "SlowDown":
        cloudy.s3.fault = lambda number, _method, _path: code if number % 3 == 0 else ""
    else:
        cloudy.s3.fault = lambda number, _method, _path: code if 20 < number < 34 else ""
    machine = cloudy.launch()
    assert machine.wait(PATIENCE) == 0, machine.said()
    state = cloudy.state()
    assert state.outcome is Outcome.SUCCEEDED
    for n in range(5):
        assert cloudy.run.get(f"jobs/j{n}/1/stdout.log").body == f"{n}\n".encode()  # type: ignore[union-attr]
        assert cloudy.run.get(f"jobs/j{n}/1/results/{n}.txt") is not None


def test_a_spot_notice_ends_the_jobs_and_says_why(cloudy: Cloudy) -> None:
    cloudy.request(queue(job("a", command="trap 'echo told; exit 0' TERM; while :; do sleep 0.1; done")))
    machine = cloudy.launch()
    until(lambda: cloudy.state().jobs["a"].attempt == 1)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 120))
    machine.metadata.held["spot/instance-action"] = json.dumps({"action": "terminate", "time": at})
    assert machine.wait(PATIENCE) == 130, machine.said()
    state = cloudy.state()
    assert state.phase is RunPhase.INTERRUPTED
    assert "EC2 takes this spot machine back" in state.interrupted
    assert cloudy.types()[-1] == "instance_lost"
    assert cloudy.run.get("jobs/a/1/stdout.log").body == b"told\n"  # type: ignore[union-attr]


def test_a_time_to_live_that_is_over_ends_a_job_that_hangs(cloudy: Cloudy) -> None:
    cloudy.request(queue(job("a", command="sleep 600", kill_grace=1.0)))
    machine = cloudy.launch(ttl=16.0)
    assert machine.wait(PATIENCE) == 130, machine.said()
    assert "time to live" in cloudy.state().interrupted


def test_a_secret_that_is_not_there_fails_the_run_in_a_sentence(cloudy: Cloudy) -> None:
    cloudy.request(queue(job("a", secrets={"TOKEN": "ssm:/runner/none"}), job("b", "a")))
    machine = cloudy.launch()
    assert machine.wait() == 0, machine.said()
    state = cloudy.state()
    assert state.outcome is Outcome.FAILED
    assert "there is no ssm:/runner/none" in state.jobs["a"].reason


def test_the_state_of_the_queue_and_its_results_are_found_by_a_retry(cloudy: Cloudy) -> None:
    command = "cat $RUNNER_STATE_DIR/n; echo x >> $RUNNER_STATE_DIR/n; test $RUNNER_ATTEMPT = 2"
    cloudy.request(queue(job("a", command=command), machine=Machine(provider="ec2")))
    assert cloudy.launch().wait() == 0
    assert cloudy.state().outcome is Outcome.FAILED
    put_request(cloudy.run, {"type": "cancel", "job_ids": [], "by": "who came too late"})
    (laid,) = cloudy.run.names("requests/")
    until(lambda: time.time() >= laid.modified + 1, 60)  # S3 counts in seconds
    give_order(cloudy.run, replace(cloudy.order, action="retry"), 2)  # of a machine that never came
    assert cloudy.launch(3, action="retry", because="it never came").wait() == 0
    assert cloudy.state().outcome is Outcome.SUCCEEDED
    assert cloudy.run.get("jobs/a/2/stdout.log").body == b"x\n"  # type: ignore[union-attr]


@pytest.mark.parametrize(("code", "outcome", "attempts"), [(0, "succeeded", 2), (3, "failed", 1)])
def test_results_that_the_old_machine_was_about_to_keep(
    cloudy: Cloudy, code: int, outcome: str, attempts: int
) -> None:
    """It died between the end of an attempt and the last byte of its results."""
    cloudy.request(
        queue(job("a", command="echo x > out.txt", result_files=("out.txt",), result_when="always"))
    )
    ended = "succeeded" if code == 0 else "failed"
    at = 1795370645.0
    told = [
        e.InstanceLaunched(at=at, instance_id="i-old"),
        e.RunStarted(at=at, queue_id="demo", digest="", checkout="/gone", max_parallel=1),
        e.AttemptStarted(at=at, job_id="a", attempt=1, handle=f"{RUN_ID}/a/1"),
        e.AttemptFinished(at=at, job_id="a", attempt=1, outcome=ended, exit_code=code, results=True),
    ]
    writer = Writer(cloudy.run, generation=log_generation(1), name="i-old")
    writer.fence()
    writer.write(e.encode_lines(told, RUN_ID, 1))
    machine = cloudy.launch(2)
    assert machine.wait() == 0, machine.said()
    found = cloudy.state().jobs["a"]
    assert (found.outcome, len(found.attempts)) == (outcome, attempts), machine.said()


def test_a_sentence_for_what_is_missing(cloudy: Cloudy) -> None:
    asked = ["--run", f"s3://{cloudy.aws.bucket}/ci/runs/{RUN_ID}", "--generation", "1", "--ttl", "8"]
    done = subprocess.run(
        [sys.executable, "-I", "-m", "runner.agent.instance", *asked, "--home", str(cloudy.folder)],
        env=cloudy.aws.env | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 4
    assert "the metadata service does not answer" in done.stderr
    assert "Traceback" not in done.stderr
