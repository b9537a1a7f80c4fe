"""The workflow for the cloud, in a repository with an embedded forge; its machines are agents here."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.clock import SystemClock
from runner.config import Config
from runner.forges.files import FileForge
from runner.gitops import payload
from runner.gitops.cloud.cloud import cloud
from runner.gitops.context import Context
from runner.gitops.run.performing import Stage
from runner.launching.naming import GENERATION, RUN
from runner.ports import Instance, LaunchRequest, PullRequest, RepositoryFacts
from tests.agent.machines import MetadataService
from tests.aws import Aws
from tests.gitops.merged_pulls import merged_pull, reviewed
from tests.histories import HERE, Repository
from tests.machines.world import MachineWorld
from tests.wire import serving

LOGIN = "ann/queues"
CONFIG = "aws: {{region: us-east-1, bucket: {bucket}, prefix: ci, instance_profile: runner-instance}}\n"


@dataclass
class CloudLoop:
    """`boots`: whether what is launched becomes an agent. `ttl`: seconds that the agents are told of."""

    aws: Aws
    folder: Path
    stack: contextlib.ExitStack
    boots: bool = True
    ttl: float = 600.0
    runs: int = 0
    agents: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    metadata: dict[str, MetadataService] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world = MachineWorld(self.aws, self.folder)
        self.world.cloud.launched = self._boot
        self.site = replace(self.world.site, repository=LOGIN)
        self.forge = FileForge(self.folder / "forge", clock=SystemClock())
        self.forge.put_repository(RepositoryFacts(id=HERE, full_name=LOGIN, default_branch="main"))
        self.forge.put_person("ann", "write")
        self.repository = Repository(self.folder / "repository")
        self.repository.commit(
            {
                "README.md": "queues\n",
                ".gitignore": ".runner/\n",
                ".github/runner.yaml": CONFIG.format(bucket=self.aws.bucket),
                ".github/workflows/runner-cloud.yaml": "on: push\n",
            }
        )

    def _boot(self, instance: Instance, request: LaunchRequest) -> None:
        if not self.boots:
            return
        home = self.folder / instance.id
        home.mkdir()
        metadata = self.metadata[instance.id] = MetadataService(
            {"instance-id": instance.id, "instance-type": request.type}
        )
        env = {name: value for name, value in self.aws.env.items() if name != "AWS_EC2_METADATA_DISABLED"}
        env |= {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.stack.enter_context(serving(metadata.answer))}
        url = str(self.site.run(request.tags[RUN]).where)
        words = ["--run", url, "--generation", request.tags[GENERATION]]
        words += ["--ttl", str(self.ttl), "--home", str(home)]
        with (home / "said").open("ab") as said:
            self.agents[instance.id] = subprocess.Popen(
                [sys.executable, "-I", "-m", "runner.agent.instance", *words],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def pull(self, number: int, head: str, base: str) -> PullRequest:
        """A pull request that was merged as the newest commit, and reviewed."""
        pull = merged_pull(number, self.repository.head, base, head_commit=head)
        self.forge.put_pull(pull)
        return pull

    def review(self, pull: PullRequest, config: Config, *sources: str) -> None:
        self.forge.set_status(pull.head_commit, reviewed(self.repository.folder, *sources, config=config))

    def stage(self, event: str, **more: Any) -> Stage:
        self.runs += 1
        context = Context(
            event_name=event,
            event_path=self.folder / f"event-{self.runs}.json",
            repository=LOGIN,
            sha=self.repository.head,
            ref="refs/heads/main",
            checkout=self.repository.folder,
            environ={},
            run_id=self.runs,
            actor="ann",
            summary_path=self.folder / "summary.md",
        )
        return Stage(
            context=context, forge=self.forge, clock=SystemClock(), notice=self.world.said.append, **more
        )

    def step(self, event: str, form: Mapping[str, Any], **more: Any) -> int:
        """One workflow run."""
        stage = self.stage(event, **more)
        stage.context.event_path.write_text(json.dumps(form))
        return cloud(payload.read(event, stage.context.event_path), stage, self.site)

    def push(self, before: str, after: str = "", **more: Any) -> int:
        """`after`: the head, unless it is another commit."""
        form = {
            "ref": "refs/heads/main",
            "before": before,
            "after": after or self.repository.head,
            "repository": {"default_branch": "main"},
        }
        return self.step("push", form, **more)

    def statuses(self, commit: str) -> dict[str, tuple[str, str]]:
        return {s.context: (s.state, s.description) for s in self.forge.statuses(commit)}

    def close(self) -> None:
        for agent in self.agents.values():
            if agent.poll() is None:
                agent.kill()
            agent.wait()


def queue(command: str = "echo hello", **fields: Any) -> str:
    machine = {"provider": "ec2", "type": "m7i.large", "ttl": "1h"}
    return json.dumps({"machine": machine, **fields, "jobs": [{"job_id": "a", "command": command}]})
