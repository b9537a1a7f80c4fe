"""All that the program asks of AWS, with its two roles: of the workflows, and of the machines."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from runner import plan as plans
from runner.bundle.archive import pack
from runner.bundle.sending import send
from runner.errors import StoreError
from runner.launching import price_cache
from runner.launching.boot import Bundle, user_data
from runner.launching.cost import carried
from runner.launching.naming import repository_tags
from runner.machines.advancing import advance
from runner.machines.beginning import Beginning, begin, go_on
from runner.machines.caring import care
from runner.machines.facts import look
from runner.machines.live import Live, marked, unmark
from runner.machines.reaping import reap
from runner.machines.site import Site, open_site
from runner.machines.standing import Standing
from runner.model import Git, Machine, Queue
from runner.plan.cost import MOST_RESUMES
from runner.runs.in_bucket import BucketSource
from runner.runs.opening import in_bucket_of
from runner.stores.s3 import download, leases, put_request
from tests.account.policies import Call
from tests.account.recording import Recorder, Seen
from tests.account.stack import Stack, client, decoder
from tests.agent.machines import Cloudy
from tests.aws import Aws
from tests.builders import job, queue
from tests.clouds.boot_world import KEY, BootWorld
from tests.clouds.making import PURPOSE
from tests.repositories import commit_all, repository
from tests.waiting import PATIENCE, until

IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
RUN_ID = "models-20261122T180405-abc123"
_LARGE = os.urandom(9 << 20)


@dataclass
class Scenes:
    """`recorder` is in front of the emulator, at `endpoint`; who asks is known by the credential's id."""

    ACTIONS: ClassVar[str] = "ACTIONS"
    MACHINE: ClassVar[str] = "MACHINE"

    stack: Stack
    recorder: Recorder
    endpoint: str
    folder: Path
    resources: contextlib.ExitStack
    keys: dict[str, str] = field(default_factory=dict)

    def play(self) -> None:
        self._of_the_workflows()
        self._of_machines()
        self._of_a_boot()

    def calls(self, *keys: str) -> list[Call]:
        """What those with these credentials had to be allowed, each once."""
        decoded = decoder(self.recorder.endpoint, self.keys)
        seen = [one for one in self.recorder.seen if one.key in keys]
        return list(dict.fromkeys(call for one in seen for call in decoded.calls(one)))

    def of_the_workflows(self) -> list[Call]:
        return self.calls(self.ACTIONS)

    def of_machines(self) -> list[Call]:
        return self.calls(self.MACHINE, KEY)

    def machines(self) -> list[Any]:
        """All that were launched, as EC2 describes them."""
        filters = [{"Name": "tag:runner:run", "Values": [RUN_ID]}]
        found = client("ec2", self.recorder.endpoint).describe_instances(Filters=filters)
        return [one for each in found["Reservations"] for one in each["Instances"]]

    def unsigned(self) -> list[Seen]:
        return [one for one in self.recorder.seen if one.key not in {self.ACTIONS, self.MACHINE, KEY}]

    # ---- the workflows ----

    def _of_the_workflows(self) -> None:
        """A run from its launch to its end, with machines that all die, and what is done beside it."""
        opened = open_site(self.stack.account, "Acme/Models", dict(os.environ))
        site = replace(opened, sleep=lambda _seconds: None)
        beginning = self._beginning(site)
        assert begin(beginning, site).standing is Standing.STARTING
        assert begin(beginning, site).standing is Standing.STARTING
        list(care(marked(site), site))
        for _ in range(1 + MOST_RESUMES):
            self._end_machines(site)
            ended = advance(RUN_ID, site)
        assert ended.standing is Standing.OVER, ended
        begun = go_on(RUN_ID, site, action="retry")
        cloud = site.cloud("us-east-1")
        cloud.console(begun.instance_id)
        assert cloud.terminate([begun.instance_id], repository_tags("Acme/Models")) == [begun.instance_id]
        reap(site)
        self._beside(site)
        unmark(RUN_ID, site)

    def _beginning(self, site: Site) -> Beginning:
        checkout = repository(self.folder / "checkout")
        (checkout / "README").write_text("hello\n")
        options = {"type": "m7i.large", "fallback": ["c7i.large"], "spot": True, "ttl": "1h", "ami": IMAGE}
        made = queue(job("a"), machine=Machine(provider="ec2", options=options))
        git = Git(sha=commit_all(checkout), actor="ann")
        plan = plans.make(made, source="queues/models.yaml", git=git)
        return Beginning(plan=plan, checkout=checkout, live=Live(run_id=RUN_ID), by="ann")

    def _end_machines(self, site: Site) -> None:
        """As if somebody did so in the console."""
        _, facts = look(RUN_ID, site)
        ids = [one.id for one in facts.machines]
        client("ec2", self.recorder.endpoint).terminate_instances(InstanceIds=ids)

    def _beside(self, site: Site) -> None:
        run = site.run(RUN_ID)
        source = BucketSource(run)
        source.plan_bytes(), source.fresh(), source.report(), source.files.sizes("jobs/a/1/results")
        put_request(run, {"type": "cancel"})
        assert in_bucket_of(str(site.root.where))[1] == 1
        assert leases.acquire(site.root, "gpu", RUN_ID, lambda _: False).run_id == RUN_ID
        large = pack([("large", _LARGE)], self.folder / "large.tar.gz")
        with self._refusing("/bundles/", "partNumber=2"), contextlib.suppress(StoreError):
            send(site.root, large)
        assert send(site.root, large)
        download(site.root, large.name, self.folder / "again.tar.gz")
        self._prices(site)

    def _prices(self, site: Site) -> None:
        """The emulator has no price list; this is what is done with one."""
        prices = {"m7i.large": 0.1}
        for _ in range(2):
            price_cache.current(
                "us-east-1", prices, site.root, fetch=lambda _region, _types: prices, carried=carried()
            )

    @contextlib.contextmanager
    def _refusing(self, *words: str) -> Iterator[None]:
        """The first request whose target has all of them."""
        left = [words]

        def fault(_method: str, target: str) -> bool:
            return bool(left) and all(word in target for word in left[0]) and bool(left.pop())

        self.recorder.fault = fault
        yield
        self.recorder.fault = lambda _method, _target: False
        assert not left, "nothing of this kind was asked for"

    # ---- the machines ----

    def _of_machines(self) -> None:
        """A machine that is lost, and the one after it, which ends the run."""
        self._keep_secrets()
        aws = Aws(
            endpoint=self.endpoint,
            bucket=self.stack.account.bucket,
            env={**os.environ, "AWS_ACCESS_KEY_ID": self.MACHINE},
        )
        cloudy = Cloudy(aws, self.folder / "machines", self.resources)
        cloudy.endpoint = self.endpoint  # without the way that has bad days
        self.resources.callback(cloudy.close)
        cloudy.request(_with_secrets(), {"input": b"1\n", "large": _LARGE})
        with self._refusing("/results/", "partNumber=2"):
            first = cloudy.launch()
            until(lambda: "wait" in _running(cloudy))
        first.kill()
        second = cloudy.launch(generation=2)
        until(lambda: "wait" in _running(cloudy) and cloudy.state().instance_id.endswith("1"))
        put_request(cloudy.run, {"type": "cancel", "job_ids": ["later"]})
        until(lambda: not cloudy.run.names("requests/"))
        with self._refusing("/state/", "partNumber=2"):
            put_request(cloudy.run, {"type": "cancel", "job_ids": ["wait"]})
            assert second.wait() == 0, second.said()

    def _keep_secrets(self) -> None:
        ssm, secrets = (client(name, self.recorder.endpoint) for name in ("ssm", "secretsmanager"))
        key = self.stack.key
        ssm.put_parameter(Name="/runner/token", Value="a-secret", Type="SecureString", KeyId=key)
        secrets.create_secret(Name="runner/login", SecretString='{"word": "another"}', KmsKeyId=key)
        self.keys |= {"/runner/token": key, "runner/login": key}

    # ---- a boot ----

    def _of_a_boot(self) -> None:
        """The real script, with a bundle of another hash than it should have."""
        folder = self.folder / "boot"
        folder.mkdir()
        world = BootWorld(folder)
        self.resources.callback(world.close)
        account = self.stack.account
        client("s3", self.recorder.endpoint).put_object(
            Bucket=account.bucket, Key=account.key("bundles/other.tar.gz"), Body=b"x"
        )
        bundle = Bundle(name="bundles/other.tar.gz", sha256="0" * 64)
        home = str(folder / "home")
        script = user_data(PURPOSE, account, bundle, endpoint=self.endpoint, metadata=world.url, home=home)
        env = {"PATH": f"{world.bin}:{os.defpath}", "HOME": str(folder)}
        done = subprocess.run(
            ["bash", "-c", script], env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert "another hash" in done.stdout, done.stdout + done.stderr


def _with_secrets() -> Queue:
    secrets = {"TOKEN": "ssm:/runner/token", "WORD": "secretsmanager:runner/login#word"}
    return queue(
        job("make", command="cp large out", result_files=("out",), secrets=secrets),
        job("wait", "make", command="cmp large out && cp large $RUNNER_STATE_DIR/s && sleep 600"),
        job("later", "wait"),
    )


def _running(cloudy: Cloudy) -> set[str]:
    return {job_id for job_id, one in cloudy.state().jobs.items() if one.phase.name == "RUNNING"}
