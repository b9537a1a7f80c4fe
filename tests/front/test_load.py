from __future__ import annotations

from typing import Any

import pytest

from runner.canonical.handlers import spared
from runner.load import default_id, load
from runner.model import Job, Queue, Retry, Strategy


def job_of(defaults: dict[str, Any] | None = None, **fields: Any) -> Job:
    tree = {"defaults": defaults or {}, "jobs": [{"job_id": "a", "command": "x", **fields}]}
    return load(tree, name="q.yaml").jobs[0]


def queue_of(**fields: Any) -> Queue:
    return load({"jobs": [{"job_id": "a", "command": "x"}], **fields}, name="q.yaml")


class TestRetries:
    """The two dialects with their different defaults, as the language's table has them."""

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({}, Retry()),
            ({"retry_count": 5, "retry_strategy": "exponential"}, Retry(count=5)),
            ({"retry_count": 5}, Retry(count=5, strategy=Strategy.EXPONENTIAL, delay=1.0)),
            ({"retry_count": 1.0}, Retry(count=1)),
            ({"retry_count": 10, "retry_delay": "30s"}, Retry(count=10, strategy=Strategy.FIXED, delay=30.0)),
            (
                {"retry_count": 1, "retry_delay": 2, "retry_strategy": "exponential-jitter"},
                Retry(count=1, strategy=Strategy.EXPONENTIAL_JITTER, delay=2.0),
            ),
            ({"retry_count": 1, "retry_delay": "1h"}, Retry(count=1, strategy=Strategy.FIXED, delay=300.0)),
            ({"retry_count": 1, "retry_delay": "1ms"}, Retry(count=1, strategy=Strategy.FIXED, delay=0.001)),
            ({"retry": {"max_attempts": 3}}, Retry(count=2, strategy=Strategy.FIXED, delay=5.0)),
            (
                {
                    "retry": {
                        "max_attempts": 3,
                        "backoff": "exponential",
                        "base_delay": "2s",
                        "max_delay": "1m",
                    }
                },
                Retry(count=2, strategy=Strategy.EXPONENTIAL, delay=2.0, max_delay=60.0),
            ),
            (
                {"retry": {"max_attempts": 3, "delay": "1s"}},
                Retry(count=2, strategy=Strategy.FIXED, delay=1.0),
            ),
            (
                {"retry": {"max_attempts": 2, "delay": "1ms"}},
                Retry(count=1, strategy=Strategy.FIXED, delay=0.1),
            ),
            (
                {"retry": {"max_attempts": 2, "delay": "1h"}},
                Retry(count=1, strategy=Strategy.FIXED, delay=300.0),
            ),
            (
                {"retry": {"max_attempts": 2, "delay": 1, "max_delay": "1h"}},
                Retry(count=1, strategy=Strategy.FIXED, delay=1.0, max_delay=300.0),
            ),
            (
                {"retry": {"max_attempts": 2, "retry_on_codes": [1, 2], "dont_retry_on_codes": [2]}},
                Retry(count=1, strategy=Strategy.FIXED, delay=5.0, codes=(1, 2), except_codes=(2,)),
            ),
            (
                {"retry": {"max_attempts": 2, "backoff": "exponential", "jitter": 0.2}},
                Retry(count=1, strategy=Strategy.EXPONENTIAL_JITTER, delay=5.0, jitter=0.2),
            ),
            (
                {"retry": {"max_attempts": 2, "backoff": "exponential", "jitter": True}},
                Retry(count=1, strategy=Strategy.EXPONENTIAL_JITTER, delay=5.0, jitter=0.5),
            ),
            (
                {"retry": {"max_attempts": 2, "backoff": "exponential", "jitter": False}},
                Retry(count=1, strategy=Strategy.EXPONENTIAL, delay=5.0, jitter=0.0),
            ),
            ({"retry": {"on": ["exit"]}}, Retry(on=frozenset({"exit"}))),
            (
                {"retry_count": 2, "retry": {"on": ["oom"], "max_delay": "10s", "retry_on_codes": [7]}},
                Retry(count=2, on=frozenset({"oom"}), max_delay=10.0, codes=(7,)),
            ),
        ],
        ids=lambda value: repr(value) if isinstance(value, dict) else "retry",  # sets have no fixed order
    )
    def test_of_a_job(self, fields: dict[str, Any], expected: Retry) -> None:
        assert job_of(**fields).retry == expected

    def test_the_retry_fields_are_one_unit_in_defaults(self) -> None:
        defaults = {"retry_count": 5, "retry_delay": "7s"}
        assert job_of(defaults).retry == Retry(count=5, strategy=Strategy.FIXED, delay=7.0)
        assert job_of(defaults, retry_count=2).retry == Retry(count=2)
        assert job_of(defaults, retry_strategy="fixed").retry == Retry(strategy=Strategy.FIXED)
        assert job_of(defaults, retry={"max_attempts": 2}).retry == Retry(
            count=1, strategy=Strategy.FIXED, delay=5.0
        )
        assert job_of({"retry": {"max_attempts": 4}}).retry.count == 3

    def test_equal_ones_are_one_object(self) -> None:
        jobs = [{"job_id": f"j{i}", "command": "x", "retry_count": i % 2} for i in range(6)]
        assert len({id(job.retry) for job in load({"jobs": jobs}, name="q").jobs}) == 2


class TestJobs:
    def test_a_twin_in_the_other_dialect_is_the_same_queue(self) -> None:
        documented = {
            "timeout": "1h",
            "results": "s3://bucket/some/prefix",
            "jobs": [
                {
                    "job_id": "a",
                    "command": "x",
                    "environment": {"A": "b", "N": 5},
                    "result_files": ["out/*.csv"],
                    "retry_count": 2,
                    "retry_strategy": "fixed",
                    "retry_delay": "1s",
                }
            ],
        }
        alias = {
            "global_timeout": 3600,
            "result_s3_bucket": "bucket",
            "result_s3_prefix": "/some/prefix/",
            "jobs": [
                {
                    "job_id": "a",
                    "command": "x",
                    "env": {"A": "b", "N": "5"},
                    "result_paths": ["out/*.csv"],
                    "retry": {"max_attempts": 3, "backoff": "fixed", "delay": "1s"},
                }
            ],
        }
        assert load(documented, name="q") == load(alias, name="q")

    def test_everything_has_its_default(self) -> None:
        assert job_of() == Job(job_id="a", command="x")

    def test_every_field(self) -> None:
        job = job_of(
            command=["x", "y"], shell=["/bin/sh", "-c"], depends_on=["b", "b", "c"], timeout="1h30m",
            environment={"A": 1}, secrets={"T": "env:T"}, working_directory="sub", result_files=["o"],
            kill_grace=5,
            result_required=True, result_when="always", always_run=True, on_failure="h", allow_failure=True,
            priority=3, keep_processes=True, description="d", when="jobs['b'].status == 'failed'",
        )  # fmt: skip
        assert job == Job(
            job_id="a", command=("x", "y"), shell=("/bin/sh", "-c"), depends_on=("b", "c"), timeout=5400.0,
            kill_grace=5.0, environment={"A": "1"}, secrets={"T": "env:T"}, working_directory="sub",
            result_files=("o",), result_required=True, result_when="always", always_run=True, on_failure="h",
            allow_failure=True, priority=3, keep_processes=True, description="d",
            when="jobs['b'].status == 'failed'", when_gates=True, reads=("b",),
        )  # fmt: skip

    def test_defaults_are_under_what_a_job_says(self) -> None:
        defaults = {
            "timeout": "5m", "env": {"A": "1", "B": "2"}, "secrets": {"S": "env:S"}, "result_paths": ["log"],
            "working_directory": "sub", "shell": ["/bin/sh", "-c"], "priority": 2, "always_run": True,
        }  # fmt: skip
        job = job_of(defaults, environment={"B": "3"}, secrets={"T": "env:T"}, timeout=1, always_run=False)
        assert job.environment == {"A": "1", "B": "3"}
        assert job.secrets == {"S": "env:S", "T": "env:T"}
        assert (job.timeout, job.priority, job.always_run) == (1.0, 2, False)
        assert (job.result_files, job.working_directory, job.shell) == (("log",), "sub", ("/bin/sh", "-c"))
        assert job_of(defaults, result_files=["own"]).result_files == ("own",)

    def test_on_failure_of_defaults_spares_the_handler_and_its_ancestors(self) -> None:
        jobs = [
            {"job_id": "setup", "command": "x"},
            {"job_id": "lock", "command": "x", "depends_on": ["setup"]},
            {"job_id": "cleanup", "command": "x", "depends_on": ["lock"]},
            {"job_id": "work", "command": "x", "depends_on": ["lock"]},
            {"job_id": "own", "command": "x", "on_failure": "other"},
            {"job_id": "other", "command": "x"},
        ]
        loaded = load({"defaults": {"on_failure": "cleanup"}, "jobs": jobs}, name="q").jobs
        assert [job.on_failure for job in loaded] == [None, None, None, "cleanup", "other", "cleanup"]

    def test_a_job_without_an_id_spares_nobody(self) -> None:
        """The schema says what it lacks; the rules look at the rest of such a file."""
        jobs = [{"command": "x"}, {"job_id": "h", "depends_on": ["a"]}]
        assert spared(jobs, "h") == {"h", "a"}

    @pytest.mark.parametrize(
        ("when", "expected"),
        [
            (True, (None, False)),
            (False, ("false", False)),
            ("params.deploy", ("params.deploy", False)),
            ("${{ always() }}", ("${{ always() }}", True)),
            ("jobs['b'].exit_code == 3", ("jobs['b'].exit_code == 3", True)),
            ("jobs['b'].outputs.x == 'y'", ("jobs['b'].outputs.x == 'y'", False)),
        ],
    )
    def test_when(self, when: Any, expected: tuple[str | None, bool]) -> None:
        job = job_of(when=when)
        assert (job.when, job.when_gates) == expected

    def test_what_waits_for_the_run(self) -> None:
        tree = {
            "defaults": {"env": {"D": "${{ jobs['z'].outputs.d }}", "E": "${{ jobs['z'].outputs.e }}"}},
            "jobs": [
                {
                    "job_id": "a",
                    "command": ["x", "${{ jobs['b'].outputs.n }}"],
                    "env": {"N": "y", "E": "own"},
                },
                {"job_id": "c", "command": "x"},
            ],
        }
        deferred = {
            ("jobs", 0, "command", 1): frozenset({"b"}),
            ("jobs", 0, "env", "N"): frozenset({"c"}),
            ("defaults", "env", "D"): frozenset({"z"}),
            ("defaults", "env", "E"): frozenset({"z"}),
        }
        first, second = load(tree, name="q", deferred=deferred).jobs
        assert first.deferred == ("command.1", "environment.D", "environment.N")
        assert first.reads == ("b", "c", "z")
        assert second.deferred == ("environment.D", "environment.E")


class TestQueues:
    def test_everything_has_its_default(self) -> None:
        expected = Queue(queue_id="q", queue_name="q", jobs=(Job(job_id="a", command="x"),))
        assert queue_of() == expected

    def test_every_field(self) -> None:
        queue = queue_of(
            queue_id="id", queue_name="Name", timeout="2h", cleanup_timeout=60, on_failure="continue",
            max_parallel=4, results="here", machine={"provider": "local", "type": "m7i.large", "x-note": 1},
        )  # fmt: skip
        assert (queue.queue_id, queue.queue_name, queue.timeout, queue.cleanup_timeout) == (
            "id",
            "Name",
            7200.0,
            60.0,
        )
        assert (queue.on_failure, queue.max_parallel, queue.results) == ("continue", 4, "here")
        assert queue.machine.options == {"type": "m7i.large"}

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("queues/nightly.yaml", "nightly"),
            ("-", "stdin"),
            ("my queue (2).json", "my-queue-2-"),
            (".hidden.yaml", "hidden"),
            ("é.yaml", "queue"),
            ("a" * 80 + ".yaml", "a" * 63),
        ],
    )
    def test_the_id_comes_from_the_name_of_the_file(self, name: str, expected: str) -> None:
        assert default_id(name) == expected

    def test_the_configured_machine_is_under_the_own_one_of_the_same_provider(self) -> None:
        configured = {"provider": "ec2", "type": "m7i.large", "ttl": "4h"}
        tree = {"jobs": [{"job_id": "a", "command": "x"}]}
        plain = load(tree, name="q", machine=configured).machine
        larger = load({**tree, "machine": {"type": "c7i.large"}}, name="q", machine=configured).machine
        here = load({**tree, "machine": {"provider": "local"}}, name="q", machine=configured).machine
        assert (plain.provider, plain.options) == ("ec2", {"type": "m7i.large", "ttl": "4h"})
        assert (larger.provider, larger.options) == ("ec2", {"type": "c7i.large", "ttl": "4h"})
        assert (here.provider, here.options) == ("local", {})

    @pytest.mark.parametrize(
        ("given", "run_on", "schedule"),
        [
            ({}, "merge", ()),
            ({"run_on": "manual"}, "manual", ()),
            ({"schedule": " 0  3 * * * "}, "merge", ("0 3 * * *",)),
            (
                {"run_on": "schedule", "schedule": ["0 3 * * *", "5 4 * * sun"]},
                "schedule",
                ("0 3 * * *", "5 4 * * sun"),
            ),
        ],
    )
    def test_it_says_when_the_queue_runs(
        self, given: dict[str, Any], run_on: str, schedule: tuple[str, ...]
    ) -> None:
        queue = load({**given, "jobs": [{"job_id": "a", "command": "x"}]}, name="q")
        assert (queue.run_on, queue.schedule) == (run_on, schedule)

    @pytest.mark.parametrize(
        ("given", "group", "policy"),
        [
            ({}, "nightly", "wait"),
            ({"concurrency": {"policy": "cancel"}}, "nightly", "cancel"),
            ({"concurrency": {"group": "gpu"}}, "gpu", "wait"),
        ],
    )
    def test_runs_of_a_queue_are_a_group(self, given: dict[str, Any], group: str, policy: str) -> None:
        queue = load({**given, "jobs": [{"job_id": "a", "command": "x"}]}, name="nightly.yaml")
        assert (queue.group, queue.concurrency_policy) == (group, policy)

    def test_what_is_not_executed_yet_is_said(self) -> None:
        job = {"job_id": "a", "command": "x"}
        queue = load(
            {
                "notify": {"slack": "env:HOOK"},
                "jobs": [
                    {**job, "matrix": {"x": [1]}, "inputs": ["a"]},
                    {**job, "job_id": "b", "inputs": ["b"]},
                ],
            },
            name="q",
            machine={"provider": "batch"},
        )
        assert queue.unsupported == (
            "`notify`: nobody is notified yet",
            "`inputs` of job `a` and 1 more: results are not reused yet, the job runs each time",
        )
        assert queue.refused == (
            "`machine.provider: batch`: this version cannot send jobs to AWS Batch yet",
            "`matrix` of job `a`: this version cannot expand it into its instances yet",
        )
