"""What goes wrong with machines, and what a person then reads in the pull request."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from runner import events as e
from runner.errors import SUCCEEDED
from runner.events import encode_lines
from runner.gitops.repository.configured import config_at
from runner.launching.ledger import log_generation
from runner.launching.naming import GENERATION, RUN
from runner.machines.facts import order_of
from runner.machines.live import marked
from runner.ports import Instance, PullRequest
from runner.stores.s3 import Bucket, Writer
from tests.clouds.claiming import claim
from tests.gitops.cloud_loop import CloudLoop, queue

PASS = {"schedule": "53 * * * *"}


@dataclass
class Spoken:
    """A machine as far as it writes: it claims its run, and says what a test lets it say."""

    loop: CloudLoop
    machine: Instance
    seq: int = 0
    attempt: int = 1
    writer: Writer = field(init=False)

    def __post_init__(self) -> None:
        generation = int(self.machine.tags[GENERATION])
        assert claim(self.run, generation, self.machine.id)
        self.writer = Writer(self.run, generation=log_generation(generation), name=self.machine.id)
        log = self.writer.fence()
        self.seq, self.attempt = log.count(b"\n"), 1 + log.count(b'"type":"attempt_started"')
        because = order_of(self.run, generation).because
        launched = e.InstanceLaunched(
            at=self.now, instance_id=self.machine.id, generation=generation, because=because
        )
        self.say(launched)

    @property
    def run(self) -> Bucket:
        return self.loop.site.run(self.machine.tags[RUN])

    @property
    def now(self) -> float:
        return self.loop.site.root.now()

    def say(self, *events: e.Event) -> None:
        self.writer.write(encode_lines(events, self.machine.tags[RUN], self.seq + 1))
        self.seq += len(events)

    def works(self) -> Spoken:
        """Its one job is running; what ran on the machine before it is lost."""
        attempt = self.attempt
        handle = f"{self.machine.tags[RUN]}/a/{attempt}"
        if attempt == 1:
            self.say(e.RunStarted(at=self.now, queue_id="train", digest="", checkout="/c", max_parallel=1))
        else:
            lost = e.AttemptFinished(
                at=self.now, job_id="a", attempt=attempt - 1, outcome="lost", interrupted=True
            )
            again = e.JobRetrying(at=self.now, job_id="a", attempt=attempt, delay=0.0, free=True)
            self.say(e.RunResumed(at=self.now, max_parallel=1), lost, again)
        self.say(e.AttemptStarted(at=self.now, job_id="a", attempt=attempt, handle=handle))
        return self

    def ends(self, outcome: str = "succeeded") -> None:
        attempt = self.attempt
        self.say(
            e.AttemptFinished(at=self.now, job_id="a", attempt=attempt, outcome=outcome, exit_code=0),
            e.JobFinished(at=self.now, job_id="a", outcome=outcome),
            e.RunFinished(at=self.now, outcome=outcome),
        )


@dataclass
class Told:
    """One merged pull request: what it shows. `before` and `merge`: the default branch around the merge."""

    loop: CloudLoop
    pull: PullRequest
    before: str
    merge: str

    def status(self, context: str = "runner/train") -> tuple[str, str]:
        """The same on the merge and on the head, or it is a fault."""
        merge = self.loop.statuses(self.merge)[context]
        assert self.loop.statuses(self.pull.head_commit)[context] == merge
        return merge

    def comments(self, kind: str) -> list[str]:
        """Of live ones those that are not folded."""
        found = self.loop.forge.comments(self.pull.number)
        said = (comment.body for comment in found if kind != "live" or not comment.minimized)
        return [body for body in said if body.startswith(f"<!-- runner:{kind} ")]

    @property
    def final(self) -> str:
        """The one that there is."""
        (body,) = self.comments("final")
        return body

    def push(self, *, until: float = 0.0) -> None:
        """The merge as it is delivered; its follower has no time."""
        assert self.loop.push(self.before, self.merge, until=until) == SUCCEEDED, self.loop.world.said

    def follow(self) -> None:
        """As a follower of its own does, to the end."""
        done = self.loop.step("workflow_dispatch", {"inputs": {"follow": "true"}})
        assert done == SUCCEEDED, self.loop.world.said


def merged(loop: CloudLoop, text: str = "", *, name: str = "train", number: int = 7) -> Told:
    """A pull request with one queue, reviewed and merged."""
    before = loop.repository.head
    source = f"queues/{name}.yaml"
    merge = loop.repository.commit({source: text or queue("sleep 600")})
    pull = loop.pull(number, f"{number:040x}", before)
    loop.review(pull, config_at(loop.repository.folder, before), source)
    return Told(loop, pull, before, merge)


def look_after(loop: CloudLoop) -> int:
    """The pass of each hour."""
    return loop.step("schedule", PASS)


def machine(loop: CloudLoop) -> Instance:
    """The only one that lives."""
    (one,) = loop.world.cloud.living()
    return one


def is_left(loop: CloudLoop) -> bool:
    """Whether somebody still has to look after a run, or a machine lives."""
    return bool(marked(loop.site) or loop.world.cloud.living())


class Later(Bucket):
    """The same place, `ahead` seconds later: ages are that much greater."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead

    def below(self, name: str) -> Later:
        return later(super().below(name), self.ahead)


def later(bucket: Bucket, ahead: float) -> Later:
    made = Later(bucket.client, bucket.where)
    made.ahead = ahead
    return made


@contextlib.contextmanager
def after(loop: CloudLoop, seconds: float) -> Iterator[None]:
    """So much later, for all that is measured by the bucket's clock; what is written there is as old."""
    site = loop.site
    loop.site = replace(site, root=later(site.root, seconds))
    try:
        yield
    finally:
        loop.site = site
