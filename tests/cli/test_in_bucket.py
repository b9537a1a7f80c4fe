"""The commands that look at a run, of a run in a bucket."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner import events as e
from runner.bundle.order import MachineOrder, order_name
from runner.bundle.order import to_json as order_json
from runner.cli.alive import is_alive
from runner.launching.ledger import Record, encode, log_generation, record_name
from runner.machines.ending import end
from runner.model import Machine
from runner.plan import to_json
from runner.ports import LaunchRequest
from runner.runs.in_bucket import BucketSource
from runner.runs.listing import DIED, standing
from runner.runs.reading import Tail
from runner.state import RunState
from runner.stores.s3 import Bucket, S3Store, open_store
from runner.stores.s3.uploading import put_file, put_tail
from tests.aws import Aws
from tests.builders import job, plan, queue
from tests.cli.shell import QUEUE, Shell
from tests.clouds.claiming import claim
from tests.project import Project
from tests.waiting import PATIENCE, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("a run in a bucket")]


@dataclass
class Pair:
    """One run, here and in a bucket."""

    shell: Shell
    directory: Path
    url: str

    def both(self, *words: str) -> tuple[str, str]:
        """What a command says of each, with the one word for where it is that differs."""
        here = self.shell(words[0], self.directory.name, *words[1:])
        there = self.shell(words[0], self.url, *words[1:])
        assert here.code == there.code == 0, there.err
        return here.out, there.out


def ship(directory: Path, bucket: Bucket) -> None:
    """What the machine that ran it sends, all at once."""
    store = open_store(bucket)
    store.create((directory / "plan.json").read_bytes())
    store.open_log()
    log = (directory / "events.jsonl").read_bytes()
    store.write(log)
    files = [path for path in directory.rglob("*") if path.is_file()]
    names = [(str(path.relative_to(directory)), path) for path in files]
    for name, path in names:
        if name.startswith("jobs/"):
            put_file(bucket, name, path)
    store.finish(log)
    for name, path in names:
        if name.startswith("report."):
            put_file(bucket, name, path)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A run that is over; the tests only look at it."""
    made = Project(tmp_path_factory.mktemp("once"))
    assert made.run("run", made.queue(QUEUE)).returncode == 1
    return made


@pytest.fixture
def pair(shell: Shell, once: Project, aws: Aws) -> Pair:
    shutil.copytree(once.folder / ".runner", shell.folder / ".runner")
    (directory,) = shell.runs()
    prefix = f"p/runs/{directory.name}"
    ship(directory, aws.at(prefix))
    return Pair(shell=shell, directory=directory, url=aws.url(prefix))


class TestOver:
    """A run that is over is shown as it is here."""

    def test_report_status_and_logs(self, pair: Pair) -> None:
        for form in ("markdown", "json"):
            here, there = pair.both("report", "--format", form)
            commands = re.sub(
                rf"runner (retry|logs) {re.escape(pair.url)}", rf"runner \1 {pair.directory.name}", there
            )
            assert here == commands
            assert (f"runner retry {pair.url}" in there) == (form == "markdown")
        here, there = pair.both("status", "--json")
        assert json.loads(here) == json.loads(there)
        here, there = pair.both("logs", "make")
        assert here == there == "made\n"
        here, there = pair.both("logs", "break", "--all")
        assert here == there == "about to break\n" * 2
        here, there = pair.both("status")
        named = there.replace(pair.url, str(pair.directory))
        assert named == here
        assert f"{pair.url}/report.md" in there

    def test_results(self, pair: Pair, tmp_path: Path) -> None:
        here, there = pair.both("results")
        assert here == there
        here, there = pair.both("results", "--job", "make", "--no-logs")
        assert here == there
        assert pair.shell("results", pair.url, "-o", str(tmp_path / "out")).code == 0
        assert (tmp_path / "out/make/1/results/made.txt").read_text() == "content\n"
        assert (tmp_path / "out/break/2/stdout.log").read_text() == "about to break\n"

    def test_results_that_were_changed(self, pair: Pair, aws: Aws, tmp_path: Path) -> None:
        bucket = aws.at(f"p/runs/{pair.directory.name}")
        bucket.put("jobs/make/1/results/made.txt", b"something else")
        said = pair.shell("results", pair.url, "-o", str(tmp_path / "out"))
        assert said.code == 4
        assert "is not what its job left" in said.err
        assert not (tmp_path / "out/make/1/results/made.txt").exists()

    def test_cancel(self, pair: Pair) -> None:
        said = pair.shell("cancel", pair.url)
        assert (said.code, "is over (failed): there is nothing to cancel" in said.err) == (1, True)

    def test_going_on_needs_an_account(self, pair: Pair) -> None:
        for command in ("resume", "retry"):
            said = pair.shell(command, pair.url)
            assert (said.code, "no account is configured" in said.err) == (2, True)
            said = pair.shell(command, pair.url, "--max-parallel", "2")
            assert (said.code, "is for runs on this machine" in said.err) == (2, True)

    def test_list(self, pair: Pair, aws: Aws) -> None:
        aws.at("p/runs/other-20200101T000000-aaaaaa").put("plan.json", b"{}")
        for url in (aws.url("p"), aws.url("p/runs/")):
            shown = pair.shell("runs", url).out.splitlines()
            assert [row.split()[0] for row in shown] == [
                "RUN",
                pair.directory.name,
                "other-20200101T000000-aaaaaa",
            ]
            assert "failed" in shown[1]
            assert "unreadable" in shown[2]
        said = pair.shell("runs", aws.url("p"), "-n", "1", "--json").json
        assert [run["directory"] for run in said["runs"]] == [pair.url]
        assert "and 1 older run: runner runs s3://" in pair.shell("runs", aws.url("p"), "-n", "1").err
        said = pair.shell("runs", aws.url("elsewhere/runs/")).err
        assert said.startswith(
            f"no run in {aws.url('elsewhere/runs')}; start one: runner launch FILE, or look"
        )
        assert pair.shell("runs", pair.url).err == f"{pair.url} would be one run: runner status {pair.url}\n"
        pair.shell.write(
            ".github/runner.yaml", f"aws: {{region: us-east-1, bucket: {aws.bucket}, prefix: p}}\n"
        )
        said = pair.shell("runs", aws.url("")).err
        assert said.endswith(f"/runs; those of this checkout: runner runs {aws.url('p')}\n")


def order_machine(run: Bucket, action: str = "run") -> None:
    """What a launcher leaves by the time that it has asked for the first machine."""
    asked = LaunchRequest(token="t", image="ami-1", root_device="/dev/sda1", type="m7i.large", disk=8)
    run.create(order_name(1), order_json(MachineOrder(checkout="c", checkout_sha256="0", action=action)))
    run.create(record_name(1, 1), encode(Record(generation=1, number=1, request=asked)))


class TestAgain:
    """A run that is over, and that a machine on its way is to go on with."""

    def test_its_machine_is_waited_for(self, pair: Pair, aws: Aws) -> None:
        run, now = aws.at(f"p/runs/{pair.directory.name}"), time.time()
        order_machine(run, "retry")
        assert pair.shell("status", pair.url).out.startswith("machine: m7i.large, was asked for ")
        with (
            pair.shell.process("status", "--watch", pair.url) as watching,
            pair.shell.process("logs", "--follow", pair.url, "break") as following,
        ):
            assert watching.stdout is not None
            assert following.stdout is not None
            assert watching.stdout.readline().startswith("machine: m7i.large, was asked for ")
            assert " failed after " in watching.stdout.readline()
            assert [following.stdout.readline() for _ in range(2)] == ["about to break\n"] * 2
            store = open_store(run, generation=log_generation(1))
            store.open_log()
            store.append(
                [
                    e.RunResumed(at=now, max_parallel=1),
                    e.JobsReset(at=now, job_ids=("break", "after", "cleanup")),
                    e.AttemptStarted(at=now, job_id="break", attempt=3, handle="r/break/3"),
                    e.AttemptRunning(at=now, job_id="break", attempt=3, pid=7),
                    e.AttemptFinished(
                        at=now + 1, job_id="break", attempt=3, outcome="succeeded", exit_code=0
                    ),
                    e.JobFinished(at=now + 1, job_id="break", outcome="succeeded"),
                    *(
                        e.JobFinished(at=now + 1, job_id=one, outcome="cancelled")
                        for one in ("after", "cleanup")
                    ),
                    e.RunFinished(at=now + 1, outcome="cancelled"),
                ]
            )
            run.put("jobs/break/3/stdout.log", b"well\n")
            store.close()
            watched, heard = watching.communicate(timeout=60)[0], following.communicate(timeout=60)[0]
        assert (watching.returncode, following.returncode) == (0, 0)
        assert "break succeeded" in watched
        assert heard == "well\n"

    def test_it_lives_before_its_machine_says_a_word(self, pair: Pair, aws: Aws) -> None:
        run = aws.at(f"p/runs/{pair.directory.name}")
        tail = Tail(BucketSource(run))
        tail.poll()
        assert not is_alive(tail)
        order_machine(run, "retry")
        assert is_alive(tail)
        open_store(run, generation=log_generation(1)).open_log()
        assert tail.poll() == []
        assert is_alive(tail), "it is about to fetch the checkout"

    def test_it_can_be_cancelled(self, pair: Pair, aws: Aws) -> None:
        run = aws.at(f"p/runs/{pair.directory.name}")
        order_machine(run, "retry")
        assert pair.shell("cancel", pair.url).code == 0
        assert len(run.names("requests/")) == 1


class Later(Bucket):
    """Two hours after it was written."""

    def now(self) -> float:
        return super().now() + 7200


class Live:
    """A run that another machine runs, told event by event."""

    def __init__(self, aws: Aws) -> None:
        run_id = "demo-20261122T180405-abc123"
        self.bucket = aws.at(f"p/runs/{run_id}")
        self.url = aws.url(f"p/runs/{run_id}")
        self.made = queue(job("a"), job("b", "a"))
        self.store: S3Store = open_store(self.bucket, look_every=0.1)
        self.store.create(to_json(plan(self.made)))
        self.store.open_log()
        self.say(
            e.RunStarted(at=time.time(), queue_id="demo", digest="", checkout="/srv", max_parallel=1),
            e.AttemptStarted(at=time.time(), job_id="a", attempt=1, handle="r/a/1"),
            e.AttemptRunning(at=time.time(), job_id="a", attempt=1, pid=7),
        )

    def say(self, *events: e.Event) -> None:
        self.store.append(events)
        self.store.sync()

    def end(self, job_id: str) -> None:
        now = time.time()
        self.say(
            e.AttemptFinished(at=now, job_id=job_id, attempt=1, outcome="succeeded", exit_code=0),
            e.JobFinished(at=now, job_id=job_id, outcome="succeeded"),
        )


@pytest.fixture
def live(aws: Aws) -> Iterator[Live]:
    made = Live(aws)
    yield made
    made.store.close()


class TestLive:
    def test_before_it_begins(self, shell: Shell, aws: Aws) -> None:
        aws.at("runs/demo-1").create("plan.json", to_json(plan(queue(job("a")))))
        said = shell("status", aws.url("runs/demo-1"))
        assert (said.code, "died" in said.out) == (0, False)
        assert not said.out.startswith("machine:")
        assert (
            "demo-1 has no result files and no logs yet: the run is not over"
            in shell("results", aws.url("runs/demo-1")).err
        )
        said = shell("logs", aws.url("runs/demo-1"))
        assert (said.code, said.err.endswith(" JOB; its jobs: a\n")) == (2, True)
        with shell.process("logs", "--follow", aws.url("runs/demo-1"), "a") as following:
            assert following.stderr is not None
            first = following.stderr.readline()
            following.terminate()
            following.communicate(timeout=30)
        assert first == "runner: a is waiting: what it writes is shown once it starts\n"

    def test_one_that_waits_for_its_machine(self, shell: Shell, aws: Aws) -> None:
        """As its own place tells it: nothing is asked of EC2, where it has no machine at all."""
        run, url = aws.at("p/runs/demo-1"), aws.url("p/runs/demo-1")
        machine = Machine(provider="ec2", options={"ttl": "1h"})
        run.create("plan.json", to_json(plan(queue(job("a"), machine=machine))))
        assert shell("status", url).out.startswith("machine: none is ordered yet: the run waits for its turn")
        run.create(order_name(1), order_json(MachineOrder(checkout="c", checkout_sha256="0")))
        assert shell("status", url).out.startswith("machine: none was asked for yet; `runner reconcile` goes")
        order_machine(run)
        assert re.match(
            r"machine: m7i\.large, was asked for \d+s ago and boots; ends by itself about 20\d\d-\d\d-\d\d ",
            shell("status", url).out,
        )
        claim(run, 1, "i-0abc")
        assert shell("status", url).out.startswith("machine: i-0abc (m7i.large), was asked for ")
        told = shell("status", "--json", url).json["awaited"]
        assert (told["generation"], told["instance_id"], told["machine_type"]) == (1, "i-0abc", "m7i.large")
        assert told["asked_at"] < told["ends_by"]
        row = shell("runs", aws.url("p")).out.splitlines()[1]
        assert row.split() == ["demo-1", "not", "started", "1,", "1", "open"]
        assert shell("runs", aws.url("p"), "--json").json["runs"][0]["seconds"] == 0

    def test_one_that_waits_for_its_turn_is_not_dead(self, aws: Aws) -> None:
        run = Later(aws.at("p/runs/demo-1").client, aws.at("p/runs/demo-1").where)
        machine = Machine(provider="ec2", options={"ttl": "9h"})
        run.create("plan.json", to_json(plan(queue(job("a"), machine=machine))))
        tail = Tail(BucketSource(run))
        assert tail.poll() == []
        assert not tail.source.is_live()
        assert standing(tail, is_alive) == "not started"
        order_machine(run)
        assert standing(tail, is_alive) == DIED, "it was asked for two hours ago"

    def test_watch_tells_each_step_of_a_machine_that_boots(self, shell: Shell, aws: Aws) -> None:
        run, url = aws.at("p/runs/demo-1"), aws.url("p/runs/demo-1")
        machine = Machine(provider="ec2", options={"ttl": "1h"})
        run.create("plan.json", to_json(plan(queue(job("a"), machine=machine))))
        with shell.process("status", "--watch", url) as watching:
            assert watching.stdout is not None
            assert "none is ordered yet" in watching.stdout.readline()
            order_machine(run)
            assert "was asked for" in watching.stdout.readline()
            end(run, RunState.new("demo-1", queue(job("a"))), 1, why="no machine: the quota is 0")
            out, err = watching.communicate(timeout=60)
        assert (watching.returncode, err) == (0, "")
        assert "the quota is 0" in out

    def test_cancel_asks_whoever_runs_it(self, shell: Shell, live: Live) -> None:
        said = shell("cancel", live.url, "a")
        assert said.code == 0, said.err
        assert said.err.endswith(
            f"asked demo-20261122T180405-abc123 to cancel a; see: runner status {live.url}\n"
        )
        (request,) = until(live.store.requests)
        assert (request["type"], request["job_ids"]) == ("cancel", ["a"])
        assert re.fullmatch(r".+ on .+", request["by"])
        said = shell("cancel", live.url, "nothing")
        assert (said.code, said.err.endswith("  its jobs: a, b\n")) == (3, True)

    def test_watch_until_it_is_over(self, shell: Shell, live: Live) -> None:
        with shell.process("status", "--watch", live.url) as watching:
            assert watching.stdout is not None
            assert "running" in watching.stdout.readline()
            live.end("a")
            live.say(
                e.JobSkipped(at=time.time(), job_id="b", because={"when": "x"}),
                e.RunFinished(at=time.time(), outcome="succeeded"),
            )
            out, err = watching.communicate(timeout=PATIENCE)
        assert (watching.returncode, err) == (0, "")
        assert "succeeded" in out

    def test_logs_are_followed_from_the_end_that_is_there(
        self, shell: Shell, live: Live, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        log.write_bytes(b"one\ntwo\n")
        put_tail(live.bucket, "jobs/a/1/stdout.log", log, most=4)
        with shell.process("logs", "--follow", live.url, "a") as following:
            assert following.stdout is not None
            assert following.stdout.readline().startswith("… 4 bytes are in the whole log")
            assert following.stdout.readline() == "two\n"
            log.write_bytes(b"one\ntwo\nthree\n")
            live.store.put("jobs/a/1/stdout.log", log)
            live.end("a")
            out, err = following.communicate(timeout=PATIENCE)
        assert (following.returncode, out, err) == (0, "three\n", "")
        assert shell("logs", live.url, "a").out == "one\ntwo\nthree\n"


class TestMistakes:
    def test_no_such_run(self, shell: Shell, aws: Aws) -> None:
        said = shell("status", aws.url("runs/nothing"))
        assert said.code == 3
        assert "is not a run: it has no plan.json" in said.err
        assert said.err.endswith(f"list the runs: runner runs {aws.url('runs')}\n")
        for url in (aws.url("p"), aws.url("p/demo-20261122T180405-abc123")):  # people forget a part
            said = shell("status", url)
            assert said.err.endswith(f"list the runs: runner runs {aws.url('p')}\n"), said.err

    def test_a_run_of_the_cloud_by_its_id_alone(self, shell: Shell) -> None:
        run_id = "demo-20261122T180405-abc123"
        shell.write(".runner/demo-20261122T180405-abc124/plan.json", "{}")
        assert shell("status", run_id).err.endswith("did you mean demo-20261122T180405-abc124?\n")
        shell.write(".github/runner.yaml", "aws: {region: us-east-1, bucket: lab, prefix: ci}\n")
        for command in ("status", "resume"):
            said = shell(command, run_id)
            assert said.code == 3
            assert said.err.endswith(f"named by its URL: s3://lab/ci/runs/{run_id}\n")

    def test_follow_without_a_place_to_show_it(self, shell: Shell, aws: Aws) -> None:
        shell.write(".github/runner.yaml", f"aws: {{region: us-east-1, bucket: {aws.bucket}, prefix: p}}\n")
        said = shell("follow", "demo-20261122T180405-abc123")
        assert (said.code, "no remote `origin` on GitHub" in said.err) == (2, True)
        assert f"runner status --watch {aws.url('p/runs/demo-20261122T180405-abc123')};" in said.err
        said = shell("follow", aws.url("p/runs"))
        assert (said.code, "is where the runs are, and none of them" in said.err) == (2, True)
        assert f"runner runs {aws.url('p/runs')}; then write {aws.url('p/runs/RUN_ID')}" in said.err

    def test_no_such_bucket(self, shell: Shell, aws: Aws) -> None:
        said = shell("status", "s3://no-such-bucket/runs/x")
        assert said.code == 4
        assert "there is no bucket no-such-bucket" in said.err

    def test_no_credentials(self, shell: Shell, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name)
        said = shell("status", aws.url("runs/x"))
        assert said.code == 4
        assert "there are no AWS credentials" in said.err

    def test_no_such_url(self, shell: Shell) -> None:
        assert shell("status", "s3://b").code == 2
        assert shell("runs", "somewhere").code == 2
