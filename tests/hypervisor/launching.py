"""A run for a machine, from a queue to the launch, by the program's own parts and nothing else."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from runner import plan as plans
from runner.bundle import program
from runner.bundle.archive import Archive, pack
from runner.bundle.order import MachineOrder
from runner.bundle.sending import give_order, send
from runner.clouds.opening import open_cloud
from runner.launching.boot import Bundle
from runner.launching.launch import Launched, launch
from runner.launching.naming import Purpose
from runner.launching.prepare import prepare
from runner.model import Git, Machine, Queue
from runner.runs.in_bucket import BucketSource
from runner.runs.reading import read
from runner.state import RunState
from runner.stores.s3 import Bucket, open_bucket
from tests.hypervisor.world import HyperWorld

RUN_ID = "demo-20261122T180405-abc123"


@dataclass
class Launching:
    """One run. `asked` is when its machine was asked for, in seconds since the epoch."""

    world: HyperWorld
    folder: Path
    asked: float = 0.0
    ttl: float = 600.0
    program: Archive = field(init=False)
    checkout: Archive = field(init=False)

    @property
    def root(self) -> Bucket:
        """As a launcher has it: through the endpoint, with its own credentials."""
        account = self.world.account
        return open_bucket(f"s3://{account.bucket}/{account.prefix}")

    def request(self, queue: Queue, files: dict[str, bytes] | None = None) -> None:
        """What comes before the first machine."""
        plan = plans.make(queue, source="queues/demo.yaml", git=Git(sha="a" * 40))
        assert self.root.below(f"runs/{RUN_ID}").create("plan.json", plans.to_json(plan))
        self.program = program.build(self.folder / "program.tar.gz")
        self.checkout = pack((files or {"README": b"hello\n"}).items(), self.folder / "checkout.tar.gz")
        for archive in (self.program, self.checkout):
            send(self.root, archive)

    def launch(self, generation: int = 1, *, sha256: str = "", machine: Machine | None = None) -> Launched:
        """`sha256`: what the machine is told that its bundle's hash is."""
        run = self.root.below(f"runs/{RUN_ID}")
        order = MachineOrder(checkout=self.checkout.name, checkout_sha256=self.checkout.sha256)
        give_order(run, order, generation)
        cloud = open_cloud(self.world.account.region)
        purpose = Purpose(
            run_id=RUN_ID,
            queue_id="demo",
            repository="acme/models",
            commit="a" * 40,
            generation=generation,
            ttl=self.ttl,
        )
        bundle = Bundle(name=self.program.name, sha256=sha256 or self.program.sha256)
        machine = machine or Machine(provider="ec2", options={"type": "m5.large"})
        requests = prepare(
            purpose, machine, self.world.account, bundle, cloud, endpoint=self.world.endpoint.url
        )
        self.asked = time.time()
        return launch(purpose, requests, cloud, run, sleep=threading.Event().wait)

    def state(self) -> RunState:
        return read(BucketSource(self.world.run(RUN_ID)))[1]
