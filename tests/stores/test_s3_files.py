"""Files into a bucket and out of it: many, large, and the ends of those that grow."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runner.agent.uploads import Uploads
from runner.errors import StoreError
from runner.stores.s3 import Bucket, download
from runner.stores.s3.uploading import PART, put_file, put_tail
from tests.agent.machines import BadDays
from tests.aws import Aws
from tests.waiting import PATIENCE
from tests.wire import serving

pytestmark = pytest.mark.slow


class TestUploads:
    def test_parts_and_progress(self, aws: Aws, tmp_path: Path) -> None:
        bucket, big = aws.at("up"), tmp_path / "big"
        big.write_bytes(os.urandom(PART + 5))
        big.chmod(0o750)
        seen: list[int] = []
        put_file(bucket, "big", big, seen.append)
        assert sum(seen) == PART + 5
        assert len(seen) > 1
        seen.clear()
        mode = download(bucket, "big", tmp_path / "copy", seen.append)
        assert sum(seen) == PART + 5
        assert (tmp_path / "copy").read_bytes() == big.read_bytes()
        assert mode == 0o750

    @pytest.mark.parametrize("size", [5, PART + 5])
    def test_each_object_and_each_part_comes_with_its_sha256(
        self, aws: Aws, tmp_path: Path, size: int
    ) -> None:
        bucket, file = aws.at("up"), tmp_path / "file"
        file.write_bytes(os.urandom(size))
        sent: list[bool] = []

        def heard(request: Any, **_: Any) -> None:
            if request.method == "PUT":
                named = {name.lower(): str(value) for name, value in request.headers.items()}
                sent.append("x-amz-checksum-sha256" in (*named, named.get("x-amz-trailer", "")))

        events = bucket.client.meta.events
        events.register("before-send.s3", heard)
        try:
            put_file(bucket, "file", file)
            assert bucket.create("once", b"x")
        finally:
            events.unregister("before-send.s3", heard)
        assert sent == [True] * (3 if size > PART else 2)

    def test_many_small_ones(self, aws: Aws, tmp_path: Path) -> None:
        bucket = aws.at("up")
        for number in range(150):
            (tmp_path / str(number)).write_bytes(b"%d" % number)
        carry(bucket, [(f"jobs/a/1/results/{n}", tmp_path / str(n)) for n in range(150)])
        kept = {one.name: one.size for one in bucket.names("jobs/")}
        assert kept == {f"jobs/a/1/results/{n}": len(str(n)) for n in range(150)}

    def test_what_is_no_file_is_refused(self, aws: Aws, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("/etc/hostname")
        with pytest.raises(StoreError, match="link is not a regular file"):
            put_file(aws.at("up"), "link", tmp_path / "link")

    def test_the_end_of_a_log_that_grows(self, aws: Aws, tmp_path: Path) -> None:
        (tmp_path / "log").write_bytes(b"0123456789")
        put_tail(aws.at("up"), "jobs/a/1/stdout.log", tmp_path / "log", most=4)
        found = aws.at("up").get("jobs/a/1/stdout.log.tail")
        assert found is not None
        assert (found.body, found.metadata) == (b"6789", {"offset": "6"})

    def test_they_are_sent_side_by_side(self, aws: Aws, tmp_path: Path) -> None:
        """10,000 of them one after the other would take half an hour at the distance of a continent."""
        together = threading.Barrier(16)

        class Meeting(Bucket):
            """Nothing is sent until 16 are about to be sent."""

            def put(self, *arguments: Any) -> None:
                together.wait(PATIENCE)
                super().put(*arguments)

        bucket, file = aws.at("up"), tmp_path / "f"
        file.write_bytes(b"x" * 1000)
        names = {f"jobs/a/1/results/{n}" for n in range(64)}
        carry(Meeting(bucket.client, bucket.where), ((name, file) for name in names))
        assert {one.name for one in bucket.names("jobs/")} == names

    def test_a_large_one_in_little_memory(self, aws: Aws, tmp_path: Path) -> None:
        """A sparse file; memory depends on the size of a part, and parts are 8 MiB up to 80 GB."""
        big = tmp_path / "big"
        with big.open("wb") as file:
            file.truncate(256 << 20)
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
        assert int(made) < 150_000  # kilobytes: 16 parts, not the file


def test_parts_that_break_off_may_come_another_time(aws: Aws, tmp_path: Path) -> None:
    """In a process of its own: the SDK leaves the connections that broke to the collector of garbage."""
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from runner.errors import StoreBusyError\n"
        "from runner.stores.s3 import download, open_bucket\n"
        "try:\n"
        "    download(open_bucket(sys.argv[1]), 'big', Path(sys.argv[2]))\n"
        "except StoreBusyError as error:\n"
        "    print(error.message)\n"
    )
    aws.at("up").put("big", b"x" * (PART + 5))
    bad = BadDays(aws.endpoint, lambda number, method, _: "cut" if number > 1 and method == "GET" else "")
    with serving(bad.answer) as endpoint:
        far = replace(aws, env=aws.env | {"AWS_ENDPOINT_URL": endpoint})
        asked = (script, far, aws.url("up"), str(tmp_path / "copy"))
        assert ran(*asked) == f"cannot read {aws.url('up')}/big: its parts break off\n"
        bad.asked.clear()
        bad.fault = lambda number, _method, _path: "cut" if number == 3 else ""
        assert ran(*asked) == ""
    assert (tmp_path / "copy").stat().st_size == PART + 5


def carry(bucket: Bucket, files: Iterable[tuple[str, Path]]) -> None:
    """As a machine sends what its jobs left."""
    bell, told = threading.Event(), []
    uploads = Uploads(partial(put_file, bucket), woken=bell.set, notice=told.append)
    group = uploads.add(iter(files), iter(()))
    while not group.is_done:
        bell.clear()
        uploads.feed()
        bell.wait(0.1)
    uploads.stop()
    assert told == []


def ran(script: str, aws: Aws, *arguments: str) -> str:
    """What a Python of its own says."""
    env = {"PATH": os.environ["PATH"], **aws.env}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=env, capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    return done.stdout
