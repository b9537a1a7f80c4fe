"""What a run in a bucket does beyond the contract: pacing, patience, claims, leases, files, sentences."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions as sdk

from runner import events as e
from runner.errors import FencedError, RunIsLiveError, RunnerError, StoreBusyError, StoreError, UsageError
from runner.stores.s3 import Location, Reader, S3Store, Settings, connect, download
from runner.stores.s3.leases import acquire, release
from runner.stores.s3.requests import Requests, put_request
from runner.stores.s3.segments import WHOLE
from runner.stores.s3.trouble import told, trouble
from runner.stores.s3.uploading import PART, put_all, put_file, put_tail
from tests.aws import Aws
from tests.builders import failed_log
from tests.strict_objects import StrictObjects
from tests.waiting import until

LOG = failed_log().events
PLACE = Location.parse("s3://my-runs/p/runs/demo-1")


class Kept:
    """Stores of one run over objects in memory, closed at the end."""

    def __init__(self) -> None:
        self.objects = StrictObjects()
        self.told: list[RunnerError] = []
        self.stores: list[S3Store] = []

    def store(self, generation: int = 1, every: float = 60.0) -> S3Store:
        made = S3Store(
            self.objects,
            "demo-1",
            upload=lambda _name, _file: None,
            generation=generation,
            every=every,
            on_trouble=self.told.append,
        )
        made.open_log()
        self.stores.append(made)
        return made

    def puts(self) -> int:
        return sum(what == "put" for what, _ in self.objects.asked)

    def close(self) -> None:
        self.objects.trouble = lambda _what, _name: None
        for store in self.stores:
            try:
                store.close()
            except FencedError:
                continue


@pytest.fixture
def kept() -> Any:
    made = Kept()
    yield made
    made.close()


class TestPace:
    def test_many_appends_are_two_segments(self, kept: Kept) -> None:
        store = kept.store()
        store.append(LOG[:1])
        until(lambda: kept.puts() == 2)  # the fence, and the first event at once
        for event in LOG[1:6]:
            store.append([event])
        assert kept.puts() == 2
        store.sync()
        assert kept.puts() == 3
        assert store.events() == LOG[:6]

    def test_nothing_to_say_costs_nothing(self, kept: Kept) -> None:
        store = kept.store()
        kept.objects.asked.clear()
        store.append([])
        store.sync()
        assert kept.objects.asked == []

    def test_close_writes_the_whole_log_of_a_run_that_is_over(self, kept: Kept) -> None:
        store = kept.store()
        store.append(LOG[:-1])
        store.close()
        assert WHOLE not in kept.objects.held
        again = kept.store(generation=2)
        again.append(LOG[-1:])
        again.close()
        whole = kept.objects.held[WHOLE]
        assert e.decode_lines(whole.body) == LOG
        assert whole.metadata["generation"] == "2"
        kept.objects.asked.clear()
        assert Reader(kept.objects).fresh() == whole.body
        assert len(kept.objects.asked) == 2

    def test_the_whole_log_of_an_older_generation_gives_way(self, kept: Kept) -> None:
        first = kept.store()
        first.append(LOG)
        first.sync()
        second = kept.store(generation=2)
        first.append_lines(b"{}\n")
        with pytest.raises(FencedError):
            first.sync()
        said = {"segments": "2", "generation": "1", "writer": "w"}
        kept.objects.replace(WHOLE, b"", "", said)  # what the first had sent before it knew
        second.append_lines(b'{"type":"run_finished"}\n')
        second.close()
        assert kept.objects.held[WHOLE].metadata["generation"] == "2"


class TestPatience:
    def test_a_store_that_is_busy_is_asked_again(self, kept: Kept) -> None:
        store = kept.store(every=0.01)
        failures = iter([True, True, False])

        def trouble(what: str, _name: str) -> None:
            if what == "put" and next(failures, False):
                raise StoreBusyError("SlowDown")

        kept.objects.trouble = trouble
        store.append(LOG[:2])
        until(lambda: Reader(kept.objects).fresh())
        assert store.events() == LOG[:2]
        assert [type(one) for one in kept.told] == [StoreBusyError, StoreBusyError]

    def test_a_writer_that_is_fenced_is_told_and_writes_no_more(self, kept: Kept) -> None:
        old = kept.store(every=0.01)
        old.append(LOG[:2])
        old.sync()
        new = kept.store(generation=2)
        old.append(LOG[2:3])
        until(lambda: kept.told)
        assert isinstance(kept.told[0], FencedError)
        for deed in (lambda: old.append(LOG[3:4]), old.sync, old.close):
            with pytest.raises(FencedError, match="generation 2"):
                deed()
        assert new.events() == LOG[:2]

    def test_what_cannot_be_written_is_raised(self, kept: Kept) -> None:
        store = kept.store(every=0.01)

        def denied(_what: str, _name: str) -> None:
            raise StoreError("denied")

        kept.objects.trouble = denied
        store.append(LOG[:1])
        until(lambda: kept.told)
        with pytest.raises(StoreError, match="denied"):
            store.append(LOG[1:2])
        kept.stores.clear()


class TestClaims:
    def test_one_of_many_gets_a_generation(self, aws: Aws) -> None:
        won: list[int] = []
        lost: list[str] = []

        def claim(number: int) -> None:
            store = S3Store(aws.at("runs/demo-1"), "demo-1", upload=lambda *_: None)
            try:
                store.lease({"instance_id": f"i-{number}"})
                won.append(number)
            except RunIsLiveError as error:
                lost.append(error.message)

        threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert set(lost) == {f"generation 1 of run demo-1 is taken: i-{won[0]} has it"}

    def test_a_lost_reply_is_no_loss(self) -> None:
        objects = StrictObjects()
        for _ in range(2):
            S3Store(objects, "demo-1", upload=lambda *_: None).lease({"instance_id": "i-1"})
        assert list(objects.held) == ["agent/1"]


class TestLeases:
    def test_it_names_a_run_until_that_is_over(self) -> None:
        objects, over = StrictObjects(), set[str]()
        is_over = over.__contains__
        assert acquire(objects, "prod deploy", "a", is_over) == "a"
        assert acquire(objects, "prod deploy", "a", is_over) == "a"
        assert acquire(objects, "prod deploy", "b", is_over) == "a"
        assert acquire(objects, "other", "b", is_over) == "b"
        over.add("a")
        assert acquire(objects, "prod deploy", "b", is_over) == "b"
        release(objects, "prod deploy", "a")
        assert acquire(objects, "prod deploy", "c", is_over) == "b"
        release(objects, "prod deploy", "b")
        assert acquire(objects, "prod deploy", "c", is_over) == "c"

    def test_of_many_who_find_it_free_one_gets_it(self, aws: Aws) -> None:
        bucket = aws.at("p")
        assert acquire(bucket, "g", "old", lambda _: False) == "old"
        found: list[str] = []
        threads = [
            threading.Thread(
                target=lambda n=n: found.append(acquire(bucket, "g", f"new-{n}", lambda run: run == "old"))
            )
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len(set(found)) == 1


def test_requests_are_looked_for_now_and_then() -> None:
    objects, now = StrictObjects(), [0.0]
    looking = Requests(objects, every=5.0, clock=lambda: now[0])
    put_request(objects, {"type": "cancel"})
    objects.create("requests/what.json", b"[1]")
    assert [one["type"] for one in looking.found()] == ["cancel"]
    objects.asked.clear()
    now[0] = 4.9
    assert looking.found() == []
    assert objects.asked == []
    now[0] = 5.0
    assert looking.found() == []
    assert [name for name in objects.held if name.startswith("requests/")] == []


class TestUploads:
    def test_parts_and_progress(self, aws: Aws, tmp_path: Path) -> None:
        bucket, big = aws.at("up"), tmp_path / "big"
        big.write_bytes(os.urandom(PART + 5))
        big.chmod(0o750)
        seen: list[int] = []
        put_file(bucket, "big", big, lambda _name, sent: seen.append(sent))
        assert sum(seen) == PART + 5
        assert len(seen) > 1
        mode = download(bucket, "big", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == big.read_bytes()
        assert mode == 0o750

    def test_many_small_ones(self, aws: Aws, tmp_path: Path) -> None:
        bucket = aws.at("up")
        for number in range(150):
            (tmp_path / str(number)).write_bytes(b"%d" % number)
        files = ((f"jobs/a/1/results/{n}", tmp_path / str(n)) for n in range(150))
        assert put_all(bucket, files) == (150, 10 + 2 * 90 + 3 * 50)
        kept = bucket.names("jobs/")
        assert {one.name for one in kept} == {f"jobs/a/1/results/{n}" for n in range(150)}

    def test_the_first_that_fails_ends_it(self, aws: Aws, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("/etc/hostname")
        with pytest.raises(StoreError, match="link is not a regular file"):
            put_all(aws.at("up"), [("link", tmp_path / "link")])

    def test_the_end_of_a_log_that_grows(self, aws: Aws, tmp_path: Path) -> None:
        (tmp_path / "log").write_bytes(b"0123456789")
        put_tail(aws.at("up"), "jobs/a/1/stdout.log", tmp_path / "log", most=4)
        found = aws.at("up").get("jobs/a/1/stdout.log.tail")
        assert found is not None
        assert (found.body, found.metadata) == (b"6789", {"offset": "6"})

    @pytest.mark.slow
    @pytest.mark.timeout(300)
    def test_ten_thousand_small_ones_in_time(self, aws: Aws, tmp_path: Path) -> None:
        file = tmp_path / "f"
        file.write_bytes(b"x" * 1000)
        began = os.times().elapsed
        put_all(aws.at("up"), ((f"jobs/a/1/results/{n}", file) for n in range(10_000)))
        assert os.times().elapsed - began < 100

    @pytest.mark.slow
    @pytest.mark.timeout(300)
    def test_a_large_one_in_little_memory(self, aws: Aws, tmp_path: Path) -> None:
        """1 GiB with a sparse file; memory depends on the size of a part, and parts are 8 MiB up to 80 GB."""
        big = tmp_path / "big"
        with big.open("wb") as file:
            file.truncate(1 << 30)
        script = (
            "import resource, sys\n"
            "from pathlib import Path\n"
            "from runner.stores.s3 import open_bucket\n"
            "from runner.stores.s3.uploading import put_file\n"
            "bucket = open_bucket(sys.argv[1])\n"
            "bucket.get('nothing')\n"
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "put_file(bucket, 'big', Path(sys.argv[2]))\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
        )
        made = ran(script, aws, aws.url("up"), str(big))
        assert int(made) < 150_000  # kilobytes


def ran(script: str, aws: Aws, *arguments: str) -> str:
    """What a Python of its own says."""
    env = {"PATH": os.environ["PATH"], **aws.env}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=env, capture_output=True, text=True, timeout=280, check=True,
    )  # fmt: skip
    return done.stdout


def refused(code: str, operation: str = "PutObject", status: int = 403, **more: Any) -> sdk.ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": more.get("message", "AKIASECRET hush")},
        "ResponseMetadata": {
            "HTTPStatusCode": status,
            "RequestId": "R1",
            "HTTPHeaders": more.get("headers", {}),
        },
    }
    return sdk.ClientError(answer, operation)


class TestSentences:
    @pytest.mark.parametrize(
        ("error", "message", "hint"),
        [
            (sdk.NoCredentialsError(), "there are no AWS credentials", "aws sso login"),
            (refused("ExpiredToken"), "the AWS credentials have expired", "get new ones"),
            (sdk.UnauthorizedSSOTokenError(), "the login to AWS has expired", "aws sso login"),
            (refused("InvalidAccessKeyId"), "AWS does not accept the credentials", "AWS_PROFILE"),
            (refused("SignatureDoesNotMatch"), "AWS does not accept the credentials", "AWS_PROFILE"),
            (
                refused("AccessDenied"),
                "s3:PutObject is denied",
                "allow s3:PutObject on arn:aws:s3:::my-runs/p/runs/demo-1",
            ),
            (
                refused("AccessDenied", "GetObject"),
                "s3:GetObject is denied",
                "s3:ListBucket on arn:aws:s3:::my-runs",
            ),
            (refused("AccessDenied", "ListObjectsV2"), "s3:ListBucket is denied", "on arn:aws:s3:::my-runs"),
            (
                refused("AccessDenied", message="x is not authorized to perform: kms:GenerateDataKey on y"),
                "kms:GenerateDataKey is denied",
                "allow kms:GenerateDataKey",
            ),
            (refused("NoSuchBucket", status=404), "there is no bucket my-runs", "check the name"),
            (refused("RequestTimeTooSkewed"), "clock is off by more than 15 minutes", "set the clock"),
            (
                refused("PermanentRedirect", status=301, headers={"x-amz-bucket-region": "eu-west-1"}),
                "the bucket is in eu-west-1",
                "set AWS_REGION=eu-west-1",
            ),
            (sdk.NoRegionError(), "no AWS region is set", "AWS_REGION"),
            (refused("Strange", status=400), "S3 refused PutObject (Strange); S3's number for it is R1", ""),
        ],
    )
    def test_what_a_user_can_do_something_about(self, error: Exception, message: str, hint: str) -> None:
        made = trouble("write", PLACE, error)
        assert not isinstance(made, StoreBusyError)
        assert made.message.startswith("cannot write s3://my-runs/p/runs/demo-1: ")
        assert message in made.message
        assert hint in made.hint
        assert "hush" not in made.message + made.hint

    @pytest.mark.parametrize(
        "error",
        [
            refused("SlowDown", status=503),
            refused("InternalError", status=500),
            refused("Strange", status=502),
            sdk.EndpointConnectionError(endpoint_url="https://nowhere"),
            sdk.ReadTimeoutError(endpoint_url="https://nowhere"),
            sdk.ConnectTimeoutError(endpoint_url="https://nowhere"),
        ],
    )
    def test_what_may_pass(self, error: Exception) -> None:
        with pytest.raises(StoreBusyError), told("read", PLACE):
            raise error

    def test_a_bucket_that_is_not_there(self, aws: Aws) -> None:
        bucket = aws.at("")
        bucket.where = Location(bucket="no-such-bucket")
        for deed in (lambda: bucket.get("x"), lambda: bucket.create("x", b""), lambda: bucket.names("")):
            with pytest.raises(StoreError, match="there is no bucket no-such-bucket"):
                deed()

    def test_an_endpoint_that_is_none(self, aws: Aws) -> None:
        with pytest.raises(StoreError, match="nonsense is not an endpoint"):
            connect(Settings(endpoint="nonsense"))

    def test_a_server_that_is_gone(self, aws: Aws) -> None:
        made = aws.at("x")
        made.client = connect(Settings(endpoint="http://127.0.0.1:1", tries=1))
        with pytest.raises(StoreBusyError, match=r"cannot read s3://.*/x/y: it does not answer"):
            made.get("y")


@pytest.mark.parametrize(
    "url", ["s3://", "s3://B/x", "s3://b", "s3:/bucket/x", "s3://bucket/../x", "bucket/x"]
)
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(UsageError, match="is not a place in S3"):
        Location.parse(url)


def test_a_place() -> None:
    place = Location.parse("s3://my-runs//a/b/")
    assert (str(place), place.name, str(place.below("c"))) == (
        "s3://my-runs/a/b",
        "b",
        "s3://my-runs/a/b/c",
    )
    assert str(Location.parse("s3://my-runs")) == "s3://my-runs"
