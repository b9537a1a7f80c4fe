"""What goes wrong between a merge and the end of its machine: nothing lost, nothing twice, and it is said.

Each fault is taken the whole way: the workflow for the cloud, the bucket, the forge. Machines are agents,
or only write what a machine would have written.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.errors import SUCCEEDED, StoreError
from runner.launching.naming import RUN
from runner.machines.facts import look
from runner.machines.live import marked
from runner.stores.s3 import Bucket, Settings, connect
from tests.agent.machines import BadDays
from tests.aws import Aws
from tests.gitops.cloud_faults import Spoken, after, is_left, look_after, machine, merged
from tests.gitops.cloud_loop import CloudLoop, queue
from tests.waiting import PATIENCE, until
from tests.wire import serving

pytestmark = pytest.mark.slow


@pytest.fixture
def loop(aws: Aws, tmp_path: Path) -> Iterator[CloudLoop]:
    with contextlib.ExitStack() as stack:
        made = CloudLoop(aws, tmp_path, stack, boots=False)
        try:
            yield made
        finally:
            made.close()


def next_second(loop: CloudLoop) -> None:
    """What S3 says of times is no finer."""

    def now() -> float:
        loop.site.root.names("")
        return loop.site.root.now()

    before = now()
    until(lambda: now() > before)


class DiedError(BaseException):
    """As kill -9: nothing catches it."""


@contextlib.contextmanager
def dying(loop: CloudLoop, last: int) -> Iterator[None]:
    """Whoever launches does `last` things in the cloud, and no more."""
    calls = itertools.count(1)

    def die(**_: Any) -> None:
        if next(calls) >= last:
            raise DiedError

    signals = loop.site.root.client.meta.events
    signals.register("before-call.s3", die)
    loop.world.cloud.launched = lambda *_: die()
    try:
        yield
    finally:
        signals.unregister("before-call.s3", die)
        loop.world.cloud.launched = lambda *_: None


def test_a_launcher_that_dies_anywhere_leaves_what_a_pass_goes_on_with(loop: CloudLoop) -> None:
    """Before there is a run nothing is said, and the merge is still to be done; then a pass does it."""
    without_run = 0
    for last in itertools.count(1, 5):
        told = merged(loop, name=f"q{last}", number=last)
        died = True
        with dying(loop, last), contextlib.suppress(DiedError):
            told.push()
            died = False
        assert len(loop.world.cloud.living()) <= 1
        assert look_after(loop) in {0, 4}
        if not loop.world.cloud.living():
            without_run += 1
            assert not loop.statuses(told.merge), "what nobody goes on with does not look as if somebody did"
            told.push()
            look_after(loop)
        assert machine(loop).tags[RUN].startswith(f"q{last}-")
        assert told.status(f"runner/q{last}")[0] == "pending"
        assert [live.run_id for live in marked(loop.site)] == [machine(loop).tags[RUN]]
        for listed in loop.site.root.names(""):
            loop.site.root.delete(listed.name)
        loop.world.cloud.held.clear()
        if not died:
            break
    assert last > 15
    assert 0 < without_run < last // 5


def test_the_same_merge_delivered_twice_at_once_is_one_run(loop: CloudLoop) -> None:
    loop.boots = True
    told = merged(loop, queue("echo once"))
    with ThreadPoolExecutor(2) as both:
        done = [both.submit(loop.push, told.before, told.merge) for _ in range(2)]
        assert [one.result() for one in done] == [SUCCEEDED] * 2, loop.world.said
    assert len(loop.world.cloud.held) == 1
    assert told.status() == ("success", told.status()[1])
    assert len(told.comments("final")) == 1
    assert marked(loop.site) == []


def test_two_merges_that_exclude_each_other_run_one_after_the_other(loop: CloudLoop) -> None:
    alone = queue("sleep 600", concurrency={"group": "gpu"})
    one = merged(loop, alone)
    two = merged(loop, alone, name="other", number=8)
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda told: told.push(), (one, two)))
    assert look_after(loop) == SUCCEEDED
    first = machine(loop)
    has_it, waits = (one, two) if first.tags[RUN].startswith("train-") else (two, one)
    waiting = next(name for name in ("train", "other") if not first.tags[RUN].startswith(f"{name}-"))
    assert waits.status(f"runner/{waiting}") == (
        "pending",
        f"Waiting for its machine: its turn after run {first.tags[RUN]}",
    )
    Spoken(loop, first).works().ends()
    look_after(loop)
    look_after(loop)
    loop.world.cloud.end(first.id, "shutdown")
    assert has_it.comments("final")
    assert machine(loop).tags[RUN].startswith(f"{waiting}-")
    Spoken(loop, machine(loop)).works().ends("failed")
    look_after(loop)
    assert waits.status(f"runner/{waiting}")[0] == "failure"
    assert marked(loop.site) == []


def test_two_passes_at_once_give_a_run_one_new_machine_and_say_it_once(loop: CloudLoop) -> None:
    told = merged(loop)
    told.push()
    first = machine(loop)
    Spoken(loop, first).works()
    loop.world.cloud.end(first.id, "trouble", "Server.InternalError: Internal error on launch")
    with ThreadPoolExecutor(2) as both:
        assert list(both.map(lambda _: look_after(loop), range(2))) == [SUCCEEDED] * 2, loop.world.said
    second = machine(loop)
    assert len(loop.world.cloud.held) == 2
    assert told.status()[0] == "pending"
    Spoken(loop, second).works().ends()
    loop.world.cloud.end(second.id, "shutdown")
    with ThreadPoolExecutor(2) as both:
        assert list(both.map(lambda _: look_after(loop), range(2))) == [SUCCEEDED] * 2, loop.world.said
    assert told.status()[0] == "success"
    assert "EC2 had trouble with it; Server.InternalError: Internal error on launch" in told.final
    assert not is_left(loop)


ENDS = [
    ("spot", "Server.SpotInstanceTermination: taken", "EC2 took its spot machine back; Server.SpotInstance"),
    (
        "terminated",
        "Client.UserInitiatedShutdown: bob",
        "somebody ended it; Client.UserInitiatedShutdown: bob",
    ),
    ("shutdown", "", "it shut down by itself; the machine started its agent, and last said: ended with exit"),
]


@pytest.mark.parametrize(("ended", "reason", "said"), ENDS, ids=[one[0] for one in ENDS])
def test_a_machine_that_vanishes_is_replaced_and_the_pull_request_says_why(
    loop: CloudLoop, ended: str, reason: str, said: str
) -> None:
    """Taken without a notice; ended by hand; ended by itself since its agent was killed."""
    told = merged(loop)
    told.push()
    first = machine(loop)
    Spoken(loop, first).works()
    if ended == "shutdown":
        boot = b"runner-boot 5 agent: starting the agent\nrunner-boot 9 agent: ended with exit code 137\n"
        loop.site.run(first.tags[RUN]).put(f"boot/1-{first.id}.log", boot)
    loop.world.cloud.end(first.id, ended, reason)
    assert look_after(loop) == SUCCEEDED
    second = machine(loop)
    state, words = told.status()
    assert (state, words[:28]) == ("pending", "Waiting for another machine:")
    assert f"machine {second.id}" in words
    (live,) = told.comments("live")
    assert second.id in live
    Spoken(loop, second).works().ends()
    assert look_after(loop) == SUCCEEDED
    assert told.status()[0] == "success"
    assert f"It went on with `{second.id}` after `{first.id}`" in told.final
    assert said in told.final, told.final
    loop.world.cloud.end(second.id, "shutdown")
    assert not is_left(loop)


def test_a_spot_notice_ends_the_attempt_in_time_and_another_machine_goes_on(loop: CloudLoop) -> None:
    loop.boots = True
    told = merged(loop, queue("echo begun; test $RUNNER_ATTEMPT = 2 || sleep 600"))
    told.push()
    first = machine(loop)
    run = loop.site.run(first.tags[RUN])
    until(lambda: look(first.tags[RUN], loop.site)[1].state.jobs["a"].attempts)
    notice = {"action": "terminate", "time": "2030-01-01T00:00:00Z"}
    loop.metadata[first.id].held["spot/instance-action"] = json.dumps(notice)
    loop.agents[first.id].wait(PATIENCE)
    loop.world.cloud.end(first.id, "shutdown", "Client.InstanceInitiatedShutdown")
    assert look_after(loop) == SUCCEEDED
    loop.agents[machine(loop).id].wait(PATIENCE)
    told.follow()
    assert told.status()[0] == "success"
    assert "EC2 takes this spot machine back at 00:00:00Z" in told.final
    assert run.get("jobs/a/2/stdout.log") is not None
    assert len(loop.world.cloud.held) == 2
    assert marked(loop.site) == []


def test_a_job_that_hangs_is_ended_by_the_time_to_live_and_goes_on_when_asked(loop: CloudLoop) -> None:
    loop.boots, loop.ttl = True, 12.0
    told = merged(loop, queue("test $RUNNER_ATTEMPT = 2 || sleep 600"))
    told.push()
    first = machine(loop)
    loop.agents[first.id].wait(PATIENCE)
    loop.world.cloud.end(first.id, "shutdown")
    assert look_after(loop) == SUCCEEDED
    state, words = told.status()
    assert (state, words) == ("error", "Interrupted, can be resumed: 1 cut off")
    assert "Interrupted: `` the machine's time to live (`ttl`) is over ``" in told.final
    assert "/runner resume" in told.final
    assert not is_left(loop), "nobody has to look after it: somebody may have it go on"
    loop.ttl = 600.0
    asked = loop.forge.put_comment(7, f"/runner resume {first.tags[RUN]}", author="ann")
    assert loop.step("workflow_dispatch", {"inputs": {"comment": str(asked.id)}}) == SUCCEEDED
    assert told.status()[0] == "success"
    assert len(loop.world.cloud.held) == 2


def test_a_retry_that_outlasts_its_follower_is_not_told_as_over(loop: CloudLoop) -> None:
    told = merged(loop)
    told.push()
    first = machine(loop)
    Spoken(loop, first).works().ends("failed")
    loop.world.cloud.end(first.id, "shutdown")
    asked = loop.forge.put_comment(7, f"/runner retry {first.tags[RUN]}", author="ann")
    assert loop.step("workflow_dispatch", {"inputs": {"comment": str(asked.id)}}, until=0.0) == SUCCEEDED
    reply = loop.forge.comments(7)[-1].body
    assert "⏳ Goes on" in reply
    assert f"{first.tags[RUN]} goes on, and is followed further" in reply
    assert machine(loop).tags[RUN] == first.tags[RUN]


def test_a_machine_that_falls_silent_is_ended_before_another_has_its_run(loop: CloudLoop) -> None:
    told = merged(loop)
    told.push()
    first = machine(loop)
    Spoken(loop, first).works()
    with after(loop, 200.0):
        assert look_after(loop) == SUCCEEDED
    second = machine(loop)
    assert loop.world.cloud.held[first.id].ended == "terminated"
    Spoken(loop, second).works().ends()
    assert look_after(loop) == SUCCEEDED
    assert f"after `{first.id}`" in told.final
    assert "has said nothing for 3 minutes" in told.final


def test_three_machines_that_do_not_boot_are_the_end_of_it_and_each_reason_is_known(loop: CloudLoop) -> None:
    told = merged(loop)
    told.push()
    for number, why in enumerate(("the bundle has another hash than it should",) * 3, 1):
        made = machine(loop)
        boot = f"runner-boot 5 fetch: fetching\nrunner-boot 6 failed: {why}\n".encode()
        loop.site.run(made.tags[RUN]).put(f"boot/{number}-{made.id}.log", boot)
        loop.world.cloud.end(made.id, "shutdown")
        assert look_after(loop) == SUCCEEDED
    state, words = told.status()
    assert state == "error"
    assert words.startswith(f"Lost: machine {made.id} did not start its agent: ")
    assert f"No machine works on it any more. `{made.id}`: " in told.final
    assert "the bundle has another hash than it should" in told.final
    assert "after 3 machines no other one is tried" in told.final
    assert not is_left(loop)


class BadBucket:
    """A way to the bucket that has its days, for whoever launches and follows."""

    def __init__(self, loop: CloudLoop) -> None:
        self.days = BadDays(loop.aws.endpoint)
        endpoint = loop.stack.enter_context(serving(self.days.answer))
        client = connect(Settings(endpoint=endpoint, tries=2))
        loop.site = replace(loop.site, root=Bucket(client, loop.site.root.where))
        loop.world.cloud.now = loop.site.root.now


@pytest.mark.parametrize("code", ["SlowDown", "InternalError"])
def test_a_bucket_that_is_busy_costs_time_and_nothing_else(loop: CloudLoop, code: str) -> None:
    bad, loop.boots = BadBucket(loop), True
    bad.days.fault = lambda number, _method, _path: code if number < 4 or number % 9 == 0 else ""
    told = merged(loop, queue("echo through"))
    assert loop.push(told.before) == SUCCEEDED, loop.world.said
    assert told.status()[0] == "success"
    assert len(loop.world.cloud.held) == 1
    bad.days.fault = lambda *_: ""
    look_after(loop)
    assert marked(loop.site) == []


def test_a_merge_while_the_bucket_does_not_answer_is_left_to_a_pass(loop: CloudLoop) -> None:
    bad = BadBucket(loop)
    loop.site = replace(loop.site, sleep=lambda _: None)
    bad.days.fault = lambda *_: "SlowDown"
    told = merged(loop)
    with pytest.raises(StoreError):
        told.push()
    state, words = told.status()
    assert (state, words[:32]) == ("pending", "About to start, once it can be: ")
    assert loop.forge.comments(7) == ()
    bad.days.fault = lambda *_: ""
    told.push()
    assert look_after(loop) == SUCCEEDED
    assert told.status()[0] == "pending"
    assert machine(loop)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ExpiredToken", "the AWS credentials have expired"),
        ("RequestTimeTooSkewed", "clock is off by more than 15 minutes"),
    ],
)
def test_credentials_that_are_good_no_more_are_said_and_nothing_is_launched(
    loop: CloudLoop, code: str, said: str
) -> None:
    bad = BadBucket(loop)
    bad.days.fault = lambda *_: code
    told = merged(loop)
    with pytest.raises(StoreError):
        told.push()
    assert loop.world.cloud.held == {}
    state, words = told.status()
    assert (state, words[:13]) == ("error", "Not started: ")
    (body,) = told.comments("live")
    assert said in body
    assert "when that is put right, run this workflow run again" in body
    bad.days.fault = lambda *_: ""
    next_second(loop)
    told.push()
    assert machine(loop)
    assert look_after(loop) == SUCCEEDED
    assert told.status()[0] == "pending"
