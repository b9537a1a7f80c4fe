"""What a new machine does over again, what it puts back, and when it stops."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions as sdk

from runner.agent.metadata import Metadata
from runner.agent.patience import Patience
from runner.agent.placing import place_of
from runner.agent.rerun import gone_with_the_machine
from runner.agent.watching import Interruption, Times, Watch
from runner.clouds.secrets import CloudSecrets
from runner.errors import CloudBusyError, CloudError, FencedError, StoreBusyError, StoreError
from runner.events import CancelRequested
from runner.graph import Graph
from runner.model import Job
from runner.secrets import resolve
from runner.state import apply
from tests.agent.machines import MetadataService
from tests.builders import START, Log, job, queue
from tests.wire import serving


class TestRerun:
    def gone(
        self, *jobs: Job, done: str, restored: str = "", opened: str = "", cancelled: bool = False
    ) -> str:
        log = Log(queue(*jobs))
        for job_id in done.split():
            log.whole(job_id, 0.0)
        state = log.state()
        if cancelled:
            apply(state, CancelRequested(at=START))
        graph = Graph.of(state.queue)
        return " ".join(gone_with_the_machine(state, graph, restored.split(), opened.split()))

    def test_a_job_that_left_nothing_and_is_still_needed(self) -> None:
        assert self.gone(job("a"), job("b", "a"), done="a") == "a"

    def test_one_whose_results_are_back_is_not(self) -> None:
        assert self.gone(job("a"), job("b", "a"), done="a", restored="a") == ""

    def test_one_that_nobody_waits_for_is_not(self) -> None:
        assert self.gone(job("a"), job("b", "a"), job("c"), done="a b") == ""

    def test_what_runs_again_needs_what_it_needed(self) -> None:
        chain = (job("a"), job("b", "a"), job("c", "b"))
        assert self.gone(*chain, done="a b") == "a b"
        assert self.gone(*chain, done="a b", restored="b") == ""

    def test_what_a_retry_opens_needs_it_too(self) -> None:
        assert self.gone(job("a"), job("b", "a"), done="a b", opened="b") == "a"

    def test_a_handler_needs_no_files_of_what_did_not_fail(self) -> None:
        jobs = (job("a", on_failure="h"), job("h"))
        assert self.gone(*jobs, done="a") == ""

    def test_a_run_that_is_cancelled_is_not_brought_back_to_life(self) -> None:
        assert self.gone(job("a"), job("b", "a"), done="a", cancelled=True) == ""


@pytest.mark.parametrize(
    ("pattern", "kept", "place"),
    [
        ("out.txt", "out.txt", "/c/w/out.txt"),
        ("out", "out/deep/a", "/c/w/out/deep/a"),
        ("out/", "out/a", "/c/w/out/a"),
        ("*.txt", "a.txt", "/c/w/a.txt"),
        ("*.txt", "b/a.txt", None),
        ("**/*.txt", "b/c/a.txt", "/c/w/b/c/a.txt"),
        ("**", "b/c", "/c/w/b/c"),
        ("../shared/x", "shared/x", "/c/shared/x"),
        ("a/../b", "b", "/c/w/b"),
        (".", "any/thing", "/c/w/any/thing"),
        ("/var/log/*.log", "var/log/x.log", "/var/log/x.log"),
        ("out.txt", "from-result-dir", None),
    ],
)
def test_where_a_result_was(pattern: str, kept: str, place: str | None) -> None:
    made = job("a", working_directory="w", result_files=(pattern,))
    found = place_of(kept, made, Path("/c"))
    assert (str(found) if found else None) == place


@contextlib.contextmanager
def service(**held: str) -> Iterator[tuple[MetadataService, Metadata]]:
    world = MetadataService({name.replace("_", "-"): value for name, value in held.items()})
    with serving(world.answer) as url:
        yield world, Metadata(url)


class TestMetadata:
    def test_a_token_is_taken_once_and_renewed_when_it_is_refused(self) -> None:
        with service(instance_id="i-1") as (world, metadata):
            assert metadata.get("instance-id") == "i-1"
            assert metadata.get("spot/instance-action") is None
            assert world.tokens == 1
            world.tokens = 7
            assert metadata.get("instance-id") == "i-1"
            assert world.tokens == 8

    def test_a_service_that_is_down_is_busy(self) -> None:
        with service() as (world, metadata):
            world.is_down = True
            with pytest.raises(CloudBusyError, match="503"):
                metadata.get("instance-id")
        with pytest.raises(CloudBusyError, match="does not answer"):
            metadata.get("instance-id")


class TestWatch:
    def watch(self, metadata: Metadata | None = None, ttl: float = 1000.0) -> tuple[Watch, list[str]]:
        self.now, said, interruption = 0.0, list[str](), Interruption()
        interruption.attach(said.append)
        self.notices: list[str] = []
        self.interruption = interruption
        times = Times(end=ttl, reserve=100.0)
        made = Watch(interruption, times, metadata, notice=self.notices.append, clock=lambda: self.now)
        return made, said

    def test_the_end_of_its_time_comes_before_the_machines(self) -> None:
        watch, said = self.watch()
        for self.now in (0.0, 899.0):
            watch.look()
        assert said == []
        self.now = 900.0
        watch.look()
        watch.look()
        assert said == ["the machine's time to live (`ttl`) is over"]
        self.now = 950.0
        watch.look()
        assert len(said) == 2  # the second time ends jobs without their grace
        assert not self.interruption.machine_is_lost

    def test_what_is_due_is_looked_at_when_it_is(self) -> None:
        watch, said = self.watch()
        assert watch.pause() == 5.0
        self.now = 898.0
        assert watch.pause() == 2.0
        self.now = 900.0
        watch.look()
        self.now = 949.0
        assert watch.pause() == 1.0
        self.now = 950.0
        watch.look()
        assert len(said) == 2
        assert watch.pause() == 5.0

    def test_a_spot_notice(self) -> None:
        with service() as (world, metadata):
            watch, said = self.watch(metadata)
            world.held["events/recommendations/rebalance"] = "{}"
            watch.look()
            watch.look()
            assert said == []
            assert len(self.notices) == 1
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 40))
            world.held["spot/instance-action"] = json.dumps({"action": "terminate", "time": at})
            watch.look()
            assert said == [f"EC2 takes this spot machine back at {at[11:]}"]
            assert self.interruption.machine_is_lost
            self.now = 21.0  # half of what is left
            watch.look()
            assert len(said) == 2

    def test_a_notice_that_says_nothing_counts(self) -> None:
        with service() as (world, metadata):
            watch, said = self.watch(metadata)
            world.held["spot/instance-action"] = "later"
            watch.look()
            assert said == ["EC2 takes this spot machine back"]

    def test_what_is_asked_before_there_is_a_run_reaches_it(self) -> None:
        interruption, said = Interruption(), list[str]()
        interruption.ask("a newer generation writes", at_once=True)
        interruption.attach(said.append)
        assert said == ["a newer generation writes"] * 2
        assert interruption.reason == "a newer generation writes"


class TestPatience:
    def ask(self, *errors: Exception, until: float = 100.0) -> tuple[Any, float]:
        now, left = [0.0], list(errors)

        def question() -> str:
            if left:
                raise left.pop(0)
            return "answer"

        def sleep(seconds: float) -> None:
            now[0] += seconds

        patience = Patience(
            until=until, notice=lambda _: None, sleep=sleep, clock=lambda: now[0], settling=2.0
        )
        return patience.ask(question), now[0]

    def test_a_busy_store_is_asked_until_time_is_up(self) -> None:
        assert self.ask(*[StoreBusyError("slow")] * 5)[0] == "answer"
        with pytest.raises(StoreBusyError):
            self.ask(*[StoreBusyError("slow")] * 50)

    def test_a_refusal_may_pass_soon(self) -> None:
        assert self.ask(StoreError("denied"), StoreError("denied"))[1] == pytest.approx(0.6)
        with pytest.raises(StoreError):
            self.ask(*[StoreError("denied")] * 6)

    def test_what_is_final_is_not_asked_again(self) -> None:
        with pytest.raises(FencedError):
            self.ask(FencedError("generation 5"))


class Answers:
    """A client of the SDK that answers from a table."""

    def __init__(self, values: dict[str, str | Exception]) -> None:
        self.values = values
        self.asked: list[str] = []

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> dict[str, Any]:
        assert WithDecryption
        return {"Parameter": {"Value": self._found(Name)}}

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:
        found = self._found(SecretId)
        return {"SecretBinary": b"x"} if found == "binary" else {"SecretString": found}

    def _found(self, name: str) -> str:
        self.asked.append(name)
        found = self.values[name]
        if isinstance(found, Exception):
            raise found
        return found


def refusal(code: str) -> sdk.ClientError:
    return sdk.ClientError({"Error": {"Code": code, "Message": "s3cr3t"}}, "GetParameter")


class TestSecrets:
    def test_they_come_from_where_the_queue_says(self) -> None:
        client = Answers({"/a": "one", "prod": '{"token": "two", "n": 3}', "whole": "{}"})
        secrets = CloudSecrets(lambda _: client)
        assert secrets.read("ssm:/a") == "one"
        assert secrets.read("secretsmanager:prod#token") == "two"
        assert secrets.read("secretsmanager:prod#n") == "3"
        assert secrets.read("secretsmanager:whole") == "{}"

    @pytest.mark.parametrize(
        ("source", "held", "said"),
        [
            ("ssm:/a", refusal("ParameterNotFound"), "there is no ssm:/a"),
            ("ssm:/a", refusal("AccessDeniedException"), "ssm:/a is denied here"),
            ("ssm:/a", refusal("InvalidKeyId"), "cannot be decrypted"),
            ("secretsmanager:a", refusal("ResourceNotFoundException"), "there is no secretsmanager:a"),
            ("secretsmanager:a", "binary", "is binary"),
            ("secretsmanager:a#b", "s3cr3t", "has no text under the key b"),
            ("secretsmanager:a#b", '{"b": {"s3cr3t": 1}}', "has no text under the key b"),
            ("ssm:/a", refusal("Whatever"), "cannot read ssm:/a"),
        ],
    )
    def test_what_is_not_to_be_had_is_a_sentence_without_a_value(
        self, source: str, held: str | Exception, said: str
    ) -> None:
        name = source.partition(":")[2].partition("#")[0]
        with pytest.raises(CloudError, match=said) as caught:
            CloudSecrets(lambda _: Answers({name: held})).read(source)
        assert "s3cr3t" not in f"{caught.value.message} {caught.value.hint}"

    def test_a_run_reads_each_once_and_masks_it(self) -> None:
        client = Answers({"/a": "value-of-a"})
        jobs = [job(n, secrets={"T": "ssm:/a"}, environment={"U": "x${T}"}) for n in ("a", "b")]
        given, missing = resolve(queue(*jobs), {}, CloudSecrets(lambda _: client))
        assert missing == []
        assert client.asked == ["/a"]
        assert given["b"].environment == {"U": "xvalue-of-a"}
        assert given["b"].masks == ("value-of-a",)
        assert "value-of-a" not in repr(given)

    def test_all_that_is_missing_is_said_at_once(self) -> None:
        client = Answers({"/a": refusal("ParameterNotFound"), "/b": refusal("AccessDeniedException")})
        made = queue(job("j", secrets={"A": "ssm:/a", "B": "ssm:/b", "C": "env:C"}))
        _, missing = resolve(made, {}, CloudSecrets(lambda _: client))
        assert [sentence.split(" ")[3] for sentence in missing] == ["A", "B", "C"]
        assert "A comes from ssm:, and here are no AWS credentials" in resolve(made, {})[1][0]

    def test_a_cloud_that_is_busy_is_no_refusal(self) -> None:
        client = Answers({"/a": refusal("ThrottlingException")})
        with pytest.raises(CloudBusyError):
            resolve(queue(job("j", secrets={"A": "ssm:/a"})), {}, CloudSecrets(lambda _: client))
