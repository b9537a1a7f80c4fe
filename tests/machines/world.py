"""Runs on machines, from outside: a bucket of the emulator, a cloud in memory, agents as processes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from runner import plan as plans
from runner.launching.account import Account
from runner.launching.boot import Bundle
from runner.machines.beginning import Beginning
from runner.machines.live import Live
from runner.machines.site import Site, send_files
from runner.model import Git, Machine, Queue
from runner.ports import Image, Instance, LaunchRequest
from runner.runs.in_bucket import BucketSource
from runner.runs.reading import read
from runner.state import RunState
from tests.aws import Aws
from tests.builders import job, queue
from tests.clouds.cloud_in_memory import MemoryCloud

RUN_ID = "demo-20261122T180405-abc123"
UBUNTU = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
EC2 = Machine(provider="ec2", options={"type": "m7i.large", "ttl": "1h"})


@dataclass
class TimelyCloud(MemoryCloud):
    """Its machines are launched now, by the bucket's clock. `launched` is called with each new one."""

    now: Callable[[], float] = lambda: 0.0
    launched: Callable[[Instance, LaunchRequest], object] = lambda _instance, _request: None

    def launch(self, request: LaunchRequest) -> Instance:
        known = request.token in self.tokens
        made = super().launch(request)
        if not known:
            made = self.held[made.id] = replace(made, launched=self.now(), state="running")
            self.launched(made, request)
        return made


@dataclass
class MachineWorld:
    """`site` is what a launcher has. `slept`: for how long it would have waited."""

    aws: Aws
    folder: Path
    cloud: TimelyCloud = field(default_factory=TimelyCloud)
    slept: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cloud.images = {UBUNTU: Image(id="ami-1", root_device="/dev/sda1", disk=8)}
        root = self.aws.at("ci")
        self.site = Site(
            account=Account(
                region="us-east-1", bucket=self.aws.bucket, prefix="ci", instance_profile="runner-instance"
            ),
            repository="acme/models",
            root=root,
            cloud=lambda _region: self.cloud,
            program=lambda: Bundle(name="bundles/program.tar.gz", sha256="0" * 64),
            files=partial(send_files, root),
            sleep=self.slept.append,
            notice=self.said.append,
        )
        self.run = self.site.run(RUN_ID)
        self.cloud.now = root.now
        self.checkout = self.folder / "checkout"

    def repository(self, files: dict[str, str] | None = None) -> str:
        """A commit with these files."""
        self.checkout.mkdir(parents=True)
        for name, text in (files or {"README": "hello\n"}).items():
            (self.checkout / name).write_text(text)
        who = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
        for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "first"]):
            subprocess.run(["git", "-C", str(self.checkout), *words], check=True)
        said = subprocess.run(
            ["git", "-C", str(self.checkout), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
        )
        return said.stdout.strip()

    def beginning(self, made: Queue | None = None, **live: Any) -> Beginning:
        made = made or queue(job("a"), machine=EC2)
        commit = self.repository() if not self.checkout.exists() else ""
        self.commit = commit or self.commit
        plan = plans.make(made, source="queues/demo.yaml", git=Git(sha=self.commit, actor="ann"))
        return Beginning(plan=plan, checkout=self.checkout, live=Live(run_id=RUN_ID, **live), by="ann")

    def state(self) -> RunState:
        return read(BucketSource(self.run))[1]
