"""S3 on this machine: an emulator in a process of its own, and nothing of the user's AWS settings.

The emulator is one for each worker, started when the first test asks for it; each test gets a bucket.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from runner.stores.s3 import Bucket, Location, Settings, connect
from tests.project import ROOT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The emulator looks whether an object is there and writes it in two steps, in threads: S3 does it in one.
_SERVER = """
import sys, threading
from moto.moto_server import threaded_moto_server as moto
class Atomic(moto.DomainDispatcherApplication):
    one_at_a_time = threading.Lock()
    def __call__(self, environ, start_response):
        if not {"HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"} & environ.keys():
            return super().__call__(environ, start_response)
        with self.one_at_a_time:
            return super().__call__(environ, start_response)
moto.DomainDispatcherApplication = Atomic
server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
_BUCKETS = itertools.count(1)


@dataclass(frozen=True)
class Aws:
    """`bucket` exists and is empty. `env` is what a command needs to reach it, and nothing else of AWS."""

    endpoint: str
    bucket: str
    env: dict[str, str] = field(default_factory=dict)

    def at(self, prefix: str) -> Bucket:
        return Bucket(client(self.endpoint), Location(bucket=self.bucket, prefix=prefix))

    def url(self, prefix: str) -> str:
        return f"s3://{self.bucket}/{prefix}"


def credentials(endpoint: str) -> dict[str, str]:
    """Ones that no AWS account knows, for an endpoint that is not AWS."""
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL": endpoint,
    }


def isolate(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> dict[str, str]:
    """No setting of the user's is left in this process."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # nor somebody that a test before has become
    env = credentials(endpoint)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return env


@functools.cache
def client(endpoint: str) -> S3Client:
    """One for all tests of a worker: to make one takes a tenth of a second."""
    return connect(Settings(endpoint=endpoint, tries=2))


@contextlib.contextmanager
def emulator(**settings: str) -> Iterator[str]:
    """The URL of one, in a process of its own: it and what is tested do not share an interpreter.

    It ends with us, however we do: its input does.
    """
    kept = {name: value for name, value in os.environ.items() if not re.match("AWS_|PYTHONWARNINGS", name)}
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=kept | credentials("") | {"AWS_ENDPOINT_URL": ""} | settings,
        cwd=ROOT,
    )
    with process:
        assert process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            assert port, "the emulator did not start"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()  # there is nothing that it would have to keep


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    with emulator() as url:
        yield url


@pytest.fixture
def aws(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Aws:
    env = isolate(monkeypatch, aws_endpoint)
    made = Aws(endpoint=aws_endpoint, bucket=f"runs-{os.getpid()}-{next(_BUCKETS)}", env=env)
    bucket = made.at("")
    bucket.client.create_bucket(Bucket=made.bucket)
    return made
