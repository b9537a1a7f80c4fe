"""Machines of the cloud as processes here: a metadata service, an S3 with bad days, agents."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner import plan as plans
from runner.bundle.archive import Archive, pack
from runner.bundle.order import MachineOrder
from runner.bundle.sending import give_order, send
from runner.model import Git, Queue
from runner.runs.in_bucket import BucketSource
from runner.runs.reading import read
from runner.state import RunState
from runner.stores.s3 import Bucket
from tests.aws import Aws
from tests.waiting import PATIENCE
from tests.wire import Answer, Request, forward, serving

RUN_ID = f"demo-20261122T180405-{os.getpid() & 0xFFFFFF:06x}"
"""Each worker's own: the machines of one run end each other's jobs, by its name."""
IDENTITY = {
    "instanceType": "m7i.large",
    "region": "us-east-1",
    "availabilityZone": "us-east-1b",
    "imageId": "ami-1",
}


@dataclass
class MetadataService:
    """IMDSv2: a token first, then what is in `held` by path."""

    held: dict[str, str] = field(default_factory=dict)
    tokens: int = 0
    is_down: bool = False

    def answer(self, request: Request) -> Answer:
        if self.is_down:
            return Answer(503)
        if request.method == "PUT":
            assert request.headers["X-aws-ec2-metadata-token-ttl-seconds"]
            self.tokens += 1
            return Answer(body=f"token-{self.tokens}".encode())
        if request.headers["X-aws-ec2-metadata-token"] != f"token-{self.tokens}":
            return Answer(401)
        path = request.path.removeprefix("/latest/").removeprefix("meta-data/")
        return Answer(body=self.held[path].encode()) if path in self.held else Answer(404)


@dataclass
class BadDays:
    """A way to S3. `fault(n, method, path)` gives the code of S3's error for the n-th request, or "";
    `judge` the same by who signed it. A code `cut`: of the answer half comes through."""

    endpoint: str
    fault: Callable[[int, str, str], str] = lambda _number, _method, _path: ""
    judge: Callable[[str], str] = lambda _authorization: ""
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Answer:
        with self.lock:
            self.asked.append(f"{request.method} {request.target}")
            code = self.fault(len(self.asked), request.method, request.target)
            code = code or self.judge(request.headers.get("Authorization", ""))
        if code in {"", "cut"}:
            return replace(forward(request, self.endpoint), is_cut=bool(code))
        status = {"SlowDown": 503, "InternalError": 500, "ExpiredToken": 400}.get(code, 403)
        return Answer(status, f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode())


@dataclass
class Machine:
    """An agent at work; what it says goes to its own folder."""

    process: subprocess.Popen[bytes]
    home: Path
    metadata: MetadataService

    def wait(self, seconds: float = PATIENCE) -> int:
        return self.process.wait(seconds)

    def kill(self) -> None:
        """As a power cut does: its jobs go too."""
        self.process.kill()
        self.process.wait()

    def said(self) -> str:
        return (self.home / "said").read_text()


@dataclass
class Cloudy:
    """One run in a bucket, and the machines that get it."""

    aws: Aws
    folder: Path
    stack: contextlib.ExitStack
    machines: list[Machine] = field(default_factory=list)
    hosts: tuple[str, str] = ("127.0.0.1", "127.0.0.1")
    """Where S3 and the metadata services are."""
    within: tuple[str, ...] = ()
    """The command that a machine is started by: of another network, say."""
    s3: BadDays = field(init=False)
    endpoint: str = field(init=False)

    def __post_init__(self) -> None:
        self.s3 = BadDays(self.aws.endpoint)
        self.endpoint = self.stack.enter_context(serving(self.s3.answer, self.hosts[0]))

    @property
    def root(self) -> Bucket:
        return self.aws.at("ci")

    @property
    def run(self) -> Bucket:
        return self.root.below(f"runs/{RUN_ID}")

    @property
    def order(self) -> MachineOrder:
        """As a launcher gives it for the first machine."""
        return MachineOrder(checkout=self.packed.name, checkout_sha256=self.packed.sha256)

    def request(self, queue: Queue, files: dict[str, bytes] | None = None) -> None:
        """What a launcher does before it asks for a machine."""
        plan = plans.make(queue, source="queues/demo.yaml", git=Git(sha="a" * 40))
        assert self.run.create("plan.json", plans.to_json(plan))
        self.folder.mkdir(exist_ok=True)
        self.pack(pack((files or {"README": b"hello\n"}).items(), self.folder / "checkout.tar.gz"))

    def pack(self, checkout: Archive) -> None:
        """What the commit has."""
        send(self.root, checkout)
        self.packed = checkout

    def launch(
        self,
        generation: int = 1,
        *,
        ttl: float = 600.0,
        name: str = "",
        program: tuple[str, ...] = ("-m", "runner.agent.instance"),
        held: Mapping[str, str] | None = None,
        **order: object,
    ) -> Machine:
        """`name`: of a machine that is there already; its disk is as it was left. `held`: more that its
        metadata service has, its role too; else it has credentials in its environment."""
        give_order(self.run, replace(self.order, **order), generation)  # type: ignore[arg-type]
        instance_id = name or f"i-{len(self.machines):017d}"
        home = self.folder / instance_id
        home.mkdir(exist_ok=True)
        born = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        metadata = MetadataService(
            {
                "instance-id": instance_id,
                "instance-type": "m7i.large",
                "instance-life-cycle": "spot",
                "dynamic/instance-identity/document": json.dumps({**IDENTITY, "pendingTime": born}),
            }
        )
        url = self.stack.enter_context(serving(metadata.answer, self.hosts[1]))
        env = {name: value for name, value in self.aws.env.items() if name != "AWS_EC2_METADATA_DISABLED"}
        if held is not None:
            metadata.held |= held
            for one in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
                del env[one]
        env |= {"AWS_ENDPOINT_URL": self.endpoint, "AWS_EC2_METADATA_SERVICE_ENDPOINT": url, "LC_ALL": "C"}
        asked = ["--run", str(self.run.where), "--generation", str(generation), "--ttl", str(ttl)]
        (home / "boot.log").write_text("runner-boot 1795392046 agent: starting the agent\n")
        with (home / "said").open("ab") as said:
            process = subprocess.Popen(
                [*self.within, sys.executable, "-I", *program, *asked, "--home", str(home)],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        machine = Machine(process, home, metadata)
        self.machines.append(machine)
        return machine

    def state(self) -> RunState:
        return read(BucketSource(self.run))[1]

    def types(self) -> list[str]:
        return [json.loads(line)["type"] for line in BucketSource(self.run).fresh().splitlines()]

    def close(self) -> None:
        for machine in self.machines:
            if machine.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(machine.process.pid, signal.SIGKILL)
                machine.process.wait()
