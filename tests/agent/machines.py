"""Machines of the cloud as processes here: a metadata service, an S3 with bad days, agents."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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

RUN_ID = f"demo-20261122T180405-{os.getpid() & 0xFFFFFF:06x}"
"""Each worker's own: the machines of one run end each other's jobs, by its name."""
IDENTITY = {
    "instanceType": "m7i.large",
    "region": "us-east-1",
    "availabilityZone": "us-east-1b",
    "imageId": "ami-1",
}


class _Service(ThreadingHTTPServer):
    """Closing it ends the connections that clients keep open, and waits for their threads."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, handler: type[BaseHTTPRequestHandler], host: str) -> None:
        super().__init__((host, 0), handler)
        self.connections: set[Any] = set()

    def get_request(self) -> tuple[Any, Any]:
        request, address = super().get_request()
        self.connections.add(request)
        return request, address

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.connections.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a machine that is killed hangs up
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler], host: str = "127.0.0.1") -> Iterator[str]:
    server = _Service(handler, host)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class MetadataService:
    """IMDSv2: a token first, then what is in `held` by path."""

    held: dict[str, str] = field(default_factory=dict)
    tokens: int = 0
    is_down: bool = False

    def handler(self) -> type[BaseHTTPRequestHandler]:
        world = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                assert self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
                world.tokens += 1
                self._answer(200, f"token-{world.tokens}")

            def do_GET(self) -> None:
                path = self.path.removeprefix("/latest/").removeprefix("meta-data/")
                if self.headers["X-aws-ec2-metadata-token"] != f"token-{world.tokens}":
                    self._answer(401, "")
                elif path in world.held:
                    self._answer(200, world.held[path])
                else:
                    self._answer(404, "")

            def _answer(self, status: int, body: str) -> None:
                status = 503 if world.is_down else status
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler


@dataclass
class BadDays:
    """A way to S3. `fault(n, method, path)` gives the code of S3's error for the n-th request, or "";
    `judge` the same by who signed it. A code `cut`: of the answer half comes through."""

    endpoint: str
    fault: Callable[[int, str, str], str] = lambda _number, _method, _path: ""
    judge: Callable[[str], str] = lambda _authorization: ""
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        world = self
        target = urlsplit(self.endpoint)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self._body()
                with world.lock:
                    world.asked.append(f"{self.command} {self.path}")
                    code = world.fault(len(world.asked), self.command, self.path)
                    code = code or world.judge(self.headers.get("Authorization", ""))
                if code not in {"", "cut"}:
                    said = f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode()
                    self._answer(
                        {"SlowDown": 503, "InternalError": 500, "ExpiredToken": 400}.get(code, 403), {}, said
                    )
                    return
                connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=30)
                headers = {name: value for name, value in self.headers.items() if name != "Transfer-Encoding"}
                with contextlib.closing(connection):
                    connection.request(self.command, self.path, body=body, headers=headers)
                    answer = connection.getresponse()
                    self._answer(answer.status, dict(answer.getheaders()), answer.read(), cut=bool(code))

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass

            def _body(self) -> bytes:
                if "100-continue" in self.headers.get("Expect", ""):
                    del self.headers["Expect"]
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def _answer(
                self, status: int, headers: dict[str, str], body: bytes, *, cut: bool = False
            ) -> None:
                self.close_connection = cut
                self.send_response_only(status)
                length = headers.get("Content-Length", str(len(body)))
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body[: len(body) // 2] if cut else body)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler


@dataclass
class Machine:
    """An agent at work; what it says goes to its own folder."""

    process: subprocess.Popen[bytes]
    home: Path
    metadata: MetadataService

    def wait(self, seconds: float = 60.0) -> int:
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
        self.endpoint = self.stack.enter_context(serving(self.s3.handler(), self.hosts[0]))

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
        packed = pack((files or {"README": b"hello\n"}).items(), self.folder / "checkout.tar.gz")
        send(self.root, packed)
        self.packed: Archive = packed

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
        url = self.stack.enter_context(serving(metadata.handler(), self.hosts[1]))
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
