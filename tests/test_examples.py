"""The example queues, run for real: each pattern does what the queue language says it must do."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from runner import events as e
from tests.example_runs import Checkout, Ran

PACE = ("-p", "pace=0.7")
"""Long enough that what starts together is seen together on a machine with other work to do."""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout.at(tmp_path / "checkout")


def assert_succeeded(ran: Ran) -> None:
    assert (ran.code, set(ran.outcomes().values()), ran.outcome()) == (0, {"succeeded"}, "succeeded"), (
        ran.stderr
    )
    ran.assert_order()


# The first queue.


def test_hello_shows_what_a_queue_can_do(checkout: Checkout) -> None:
    before = checkout.files()
    scratch = checkout.root.parent / "tmp"
    scratch.mkdir()
    ran = checkout.run("hello", TMPDIR=str(scratch))
    assert_succeeded(ran)
    assert ran.together("count", "sort")
    assert ran.attempts("flaky") == 2
    assert ran.waits("flaky") == [0.5]
    assert ran.result("report", "report.txt").read_text() == '9 words, the last of them is "the"\n'
    assert "**9 words**" in (ran.directory / "report.md").read_text()
    assert list(scratch.iterdir()) == []
    assert checkout.files() == before


# 1. Independent branches really run at the same time.


@pytest.mark.slow
def test_complex_pipeline_runs_its_branches_together(checkout: Checkout) -> None:
    before = checkout.files()
    ran = checkout.run("complex-pipeline", *PACE)
    assert_succeeded(ran)
    assert ran.together("preprocess-train", "preprocess-val", "preprocess-test")
    assert json.loads(ran.result("evaluate", "test.json").read_text())["mean_error"] < 0.1
    assert [path.name for path in ran.result("upload-artifacts", "production").rglob("*.c")] == ["model.c"]
    assert checkout.files() == before


@pytest.mark.slow
def test_staged_pipeline_runs_a_stage_together_and_stages_apart(checkout: Checkout) -> None:
    ran = checkout.run("staged-pipeline", *PACE)
    assert_succeeded(ran)
    assert ran.together("stage2-extract-text", "stage2-extract-images", "stage2-extract-audio")
    merged = json.loads(ran.result("stage3-merge", "merged.json").read_text())
    assert sorted(merged) == ["audio", "images", "text"]


@pytest.mark.slow
def test_fan_out_runs_all_workers_together_and_fan_in_takes_all(checkout: Checkout) -> None:
    ran = checkout.run("fan-out-fan-in", *PACE, "-p", "rows=1003")
    assert_succeeded(ran)
    assert ran.together(*(f"process-chunk-{i}" for i in range(5)))
    assert ran.result("upload-result", "output.csv").read_text().splitlines()[1].startswith("5,1003,1.")


@pytest.mark.slow
def test_two_at_a_time_are_two_at_a_time(checkout: Checkout) -> None:
    ran = checkout.run("fan-out-fan-in", "--max-parallel", "2", "-p", "pace=0")
    assert_succeeded(ran)
    assert next(x.max_parallel for x in ran.events if isinstance(x, e.RunStarted)) == 2


# 2. A non-zero exit stops what depends on it.


def test_conditional_pipeline_deploys_what_is_tested(checkout: Checkout) -> None:
    ran = checkout.run("conditional-pipeline")
    assert_succeeded(ran)
    assert "meets threshold" in ran.log("check-coverage")
    assert ran.result("deploy", "production/pricing.py").exists()


def test_conditional_pipeline_skips_the_deployment_because_of_the_check(checkout: Checkout) -> None:
    ran = checkout.run("conditional-pipeline", "-p", "suite=smoke")
    assert (ran.code, ran.outcome()) == (1, "failed")
    assert ran.outcomes() == {
        "run-tests": "succeeded",
        "check-coverage": "failed",
        "deploy": "skipped because of job: check-coverage",
    }
    assert "below 80% threshold" in ran.log("check-coverage")
    assert "deploy skipped: because of check-coverage" in ran.stdout


# 3. Retries.


@pytest.mark.slow
def test_retry_strategies_as_run(checkout: Checkout) -> None:
    failures = {"network": 5, "compute": 2, "api": 10}
    given = [f"{name}_failures={count}" for name, count in failures.items()]
    given += ["network_delay=20ms", "api_delay=30ms"]
    ran = checkout.run("retry-strategies", *(word for pair in given for word in ("-p", pair)))
    assert ran.outcomes() == {
        "network-heavy": "succeeded",
        "compute-heavy": "failed",
        "flaky-api": "succeeded",
    }
    assert (ran.code, ran.outcome()) == (1, "failed")
    assert ran.waits("network-heavy") == [0.02, 0.04, 0.08, 0.16, 0.32]
    assert ran.waits("compute-heavy") == [1.0]
    assert ran.waits("flaky-api") == [0.03] * 10
    attempts = {job_id: ran.attempts(job_id) for job_id in ran.outcomes()}
    assert attempts == {"network-heavy": 6, "compute-heavy": 2, "flaky-api": 11}
    for job_id in attempts:
        pairs = zip(ran.intervals(job_id), ran.intervals(job_id)[1:], ran.waits(job_id), strict=False)
        assert all(after.start - before.end >= wait for before, after, wait in pairs)


# 4. Cleanup.


@pytest.mark.parametrize(
    ("fail", "outcomes", "told"),
    [
        ("nothing", ["succeeded", "succeeded", "succeeded", "succeeded"], "failed: none"),
        (
            "process",
            ["succeeded", "failed", "skipped because of job: process", "succeeded"],
            "failed: process",
        ),
        ("validate", ["succeeded", "succeeded", "failed", "succeeded"], "failed: validate"),
    ],
)
def test_cleanup_runs_once_whatever_fails(
    checkout: Checkout, fail: str, outcomes: list[str], told: str
) -> None:
    ran = checkout.run("pipeline-with-cleanup", "-p", f"fail={fail}")
    found = ran.outcomes()
    assert [found[job_id] for job_id in ("setup", "process", "validate", "cleanup")] == outcomes
    assert (ran.code, ran.outcome()) == ((0, "succeeded") if fail == "nothing" else (1, "failed"))
    assert ran.attempts("cleanup") == 1
    assert told in ran.log("cleanup")
    assert list(checkout.state("pipeline-with-cleanup").iterdir()) == []


@pytest.mark.parametrize("fail", ["nothing", "process"])
def test_without_always_run_cleanup_runs_only_after_a_failure(checkout: Checkout, fail: str) -> None:
    path = checkout.root / "queues" / "examples" / "pipeline-with-cleanup.yaml"
    path.write_text(path.read_text().replace("    always_run: true\n", ""))
    ran = checkout.run("pipeline-with-cleanup", "-p", f"fail={fail}")
    assert ran.attempts("cleanup") == (fail != "nothing")
    assert ran.outcome() == ("succeeded" if fail == "nothing" else "failed")


# 5. State between runs.


@pytest.mark.slow
def test_incremental_pipeline_processes_each_file_once(checkout: Checkout) -> None:
    inbox = checkout.root / "queues" / "examples" / "inbox"
    for path in inbox.iterdir():
        os.utime(path, (1e9, 1e9))

    def processed(run: str) -> list[str]:
        ran = checkout.run("incremental-pipeline", run=run)
        assert_succeeded(ran)
        return [
            Path(name).name for name in json.loads(ran.result("process-new", "processed.json").read_text())
        ]

    assert processed("first") == ["first.txt", "second.txt"]
    assert processed("second") == []
    _appear(checkout, inbox / "third.txt", b"saturday 3\n")
    assert processed("third") == ["third.txt"]


def _appear(checkout: Checkout, path: Path, content: bytes) -> None:
    """A file a little younger than the checkpoint: new to the next run, and not too young for it."""
    checkpoint = (checkout.state("incremental-pipeline") / "last-run.txt").read_text().strip()
    moment = datetime.fromisoformat(checkpoint).timestamp() + 0.001
    path.write_bytes(content)
    os.utime(path, (moment, moment))


@pytest.mark.slow
def test_incremental_pipeline_keeps_its_checkpoint_when_processing_fails(checkout: Checkout) -> None:
    inbox = checkout.root / "queues" / "examples" / "inbox"
    assert_succeeded(checkout.run("incremental-pipeline", run="first"))
    checkpoint = checkout.state("incremental-pipeline") / "last-run.txt"
    before = checkpoint.read_text()
    _appear(checkout, inbox / "broken.txt", b"\xff\xfe no text")
    ran = checkout.run("incremental-pipeline", run="second")
    assert ran.outcomes()["process-new"] == "failed"
    assert checkpoint.read_text() == before


# 6. Results are stored before dependents start.


def test_validated_pipeline_stores_the_model_before_it_goes_on(checkout: Checkout) -> None:
    before = checkout.files()
    ran = checkout.run("validated-pipeline")
    assert_succeeded(ran)
    assert ran.position(e.ResultsStored, "train-model") < ran.position(e.AttemptStarted, "validate-model")
    manifest = json.loads(ran.result("train-model", "manifest.json").read_text())
    names = {Path(entry["path"]).name for entry in manifest["files"]}
    assert {"model.json", "metrics.json"} <= names
    assert ran.result("deploy", "production/model.json").exists()
    assert checkout.files() == before


@pytest.mark.slow
def test_two_runs_at_once_do_not_disturb_each_other(checkout: Checkout) -> None:
    path = "queues/examples/validated-pipeline.yaml"
    started = {n: checkout.start(path, "-p", f"epochs={n}", run=f"epochs{n}") for n in (1, 300)}
    ran = {n: checkout.end(process, f"epochs{n}") for n, process in started.items()}
    assert_succeeded(ran[300])
    assert ran[1].outcomes()["validate-performance"] == "failed"
    assert ran[1].outcomes()["deploy"] == "skipped because of job: validate-performance"
    for n in (1, 300):
        assert ran[n].plan.queue.jobs[0].environment["MODEL"].endswith(f"/epochs-{n}")
        metrics = next(ran[n].result("train-model", "").rglob("metrics.json"))
        assert json.loads(metrics.read_text())["epochs"] == n


# 7. A generated file is a queue like any other.


def test_a_generated_queue_runs_from_standard_input(checkout: Checkout) -> None:
    chunks = [
        {"job_id": f"process-chunk-{i}", "command": f"echo {i} > out-{i}", "depends_on": ["download"]}
        for i in range(4)
    ]
    parents = [chunk["job_id"] for chunk in chunks]
    jobs = [
        {"job_id": "download", "command": "true", "timeout": "30m"},
        *chunks,
        {"job_id": "aggregate", "command": "cat out-*", "depends_on": parents},
    ]
    ran = checkout.run("-", stdin=json.dumps({"queue_id": "dynamic-queue", "jobs": jobs}))
    assert_succeeded(ran)
    assert ran.log("aggregate") == "0\n1\n2\n3\n"


# 8. A secret that nobody sees.

SECRET = "T00000000/B00000000/hunter2hunter2hunter2"


@contextmanager
def webhook(failures: int = 0) -> Iterator[tuple[str, list[str]]]:
    """A chat on this machine: its address with a secret in it, and what it was told."""
    told: list[str] = []
    answers = iter([500] * failures)

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = next(answers, 200)
            if status == 200 and self.path == f"/services/{SECRET}":
                told.append(json.loads(body)["text"])
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Chat)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/services/{SECRET}", told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def everything_written(ran: Ran) -> bytes:
    files = [path.read_bytes() for path in ran.directory.rglob("*") if path.is_file()]
    return b"".join([*files, ran.stdout.encode(), ran.stderr.encode()])


@pytest.mark.slow
def test_monitored_pipeline_tells_the_chat_and_hides_where_it_is(checkout: Checkout) -> None:
    with webhook(failures=1) as (address, told):
        ran = checkout.run("monitored-pipeline", SLACK_WEBHOOK=address)
    assert_succeeded(ran)
    assert told == ["Pipeline started", "Stage 1 complete", "Pipeline complete"]
    assert ran.attempts("notify-start") == 2
    assert SECRET.encode() not in everything_written(ran)


@pytest.mark.slow
def test_the_webhook_is_masked_also_where_a_job_prints_it(checkout: Checkout) -> None:
    path = checkout.root / "queues" / "examples" / "monitored-pipeline.yaml"
    path.write_text(
        path.read_text().replace("python3 notify.py", 'echo "<$SLACK_WEBHOOK>"; env; python3 notify.py')
    )
    with webhook() as (address, told):
        ran = checkout.run("monitored-pipeline", SLACK_WEBHOOK=address)
    assert_succeeded(ran)
    assert len(told) == 3
    assert "<***>" in ran.log("notify-start")
    assert SECRET.encode() not in everything_written(ran)
    # A job that does not ask for the secret does not have it either, masked or not.
    assert "SLACK_WEBHOOK" not in ran.log("stage1-process")


def test_monitored_pipeline_without_a_webhook_is_refused_before_its_first_job(checkout: Checkout) -> None:
    ran = checkout.run("monitored-pipeline")
    assert ran.code == 1
    assert "SLACK_WEBHOOK" in ran.stderr
    assert ran.events == []


# 9. The environment reaches the job.


def test_resource_aware_pipeline_hands_each_job_its_environment(checkout: Checkout) -> None:
    ran = checkout.run("resource-aware-pipeline")
    assert_succeeded(ran)
    assert "memory: at most 8GB" in ran.log("data-processing")
    assert "by 4 workers" in ran.log("data-processing")
    for line in ("CUDA_VISIBLE_DEVICES: 0", "TORCH_NUM_THREADS: 8", "OMP_NUM_THREADS: 8", "by 8 workers"):
        assert line in ran.log("model-training")
    assert "batches of 128 by 2 workers" in ran.log("inference")
