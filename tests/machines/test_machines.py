"""Runs on machines, from outside: every launcher that dies is followed by one that finds what it left."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner import events as e
from runner.agent.first_words import before
from runner.bundle.order import from_json
from runner.errors import CloudRefusedError, FencedError, NotFoundError, RunIsLiveError
from runner.events import encode_lines
from runner.gitops.run.tending import Tended
from runner.launching.ledger import claimed_by, log_generation
from runner.launching.naming import repository_tags
from runner.machines.advancing import advance, stop_machines
from runner.machines.beginning import Beginning, begin, go_on
from runner.machines.caring import care, is_done
from runner.machines.ending import end
from runner.machines.facts import look, newest_generation, order_of
from runner.machines.live import Live, marked, unmark
from runner.machines.reaping import reap
from runner.machines.site import open_site
from runner.machines.standing import Standing
from runner.model import Outcome
from runner.ports import Instance
from runner.report.machine_costs import dollars
from runner.runs.in_bucket import BucketSource
from runner.state import RunState, apply
from runner.stores.s3 import Bucket, Writer
from runner.validate import Policy
from tests.aws import Aws
from tests.builders import job, queue
from tests.clouds.claiming import claim
from tests.machines.world import EC2, RUN_ID, MachineWorld, TimelyCloud

pytestmark = pytest.mark.slow


@pytest.fixture
def world(aws: Aws, tmp_path: Path) -> MachineWorld:
    return MachineWorld(aws, tmp_path)


class Agent:
    """The machine that claimed a generation, as far as it writes."""

    def __init__(self, world: MachineWorld, generation: int, instance_id: str) -> None:
        self.world = world
        assert claim(world.run, generation, instance_id)
        self.writer = Writer(world.run, generation=log_generation(generation), name=instance_id)
        self.seq = self.writer.fence().count(b"\n")
        self.say(e.InstanceLaunched(at=self.now, instance_id=instance_id, generation=generation))

    @property
    def now(self) -> float:
        return self.world.site.root.now()

    def say(self, *events: e.Event) -> None:
        self.writer.write(encode_lines(events, RUN_ID, self.seq + 1))
        self.seq += len(events)

    def started(self) -> None:
        self.say(
            e.RunStarted(at=self.now, queue_id="demo", digest="", checkout="/c", max_parallel=1),
            e.AttemptStarted(at=self.now, job_id="a", attempt=1, handle=f"{RUN_ID}/a/1"),
        )


def only(world: MachineWorld) -> str:
    (one,) = world.cloud.living()
    return one.id


def test_what_is_too_long_for_a_claim_is_none(world: MachineWorld) -> None:
    world.run.put("agent/1", b'{"instance_id": "i-1", "more": "%s"}' % (b"x" * 2000))
    assert claimed_by(world.run, 1) == ""


def test_a_machine_that_is_not_shown_for_a_moment_is_not_taken_for_ended(world: MachineWorld) -> None:
    first = begin(world.beginning(), world.site).instance_id
    Agent(world, 1, first).started()
    _, facts = look(RUN_ID, world.site)
    cloud = world.cloud
    cloud.visible_from[first] = cloud.looks + 4
    stop_machines(facts, world.beginning().plan, world.site)
    assert world.slept
    assert cloud.living() == []


def test_a_run_begins_once(world: MachineWorld) -> None:
    begun = begin(world.beginning(commit="c" * 40), world.site)
    assert begun.standing is Standing.STARTING
    assert begun.goes_on
    assert begin(world.beginning(), world.site).instance_id == begun.instance_id == only(world)
    assert [live.commit for live in marked(world.site)] == ["c" * 40]
    order = from_json(world.run.get("order/1.json").body, "order")  # type: ignore[union-attr]
    assert (order.action, order.by) == ("run", "ann")
    assert world.site.root.get(order.checkout) is not None


def test_the_files_of_a_commit_are_packed_once_for_all_its_queues(world: MachineWorld) -> None:
    beginning = world.beginning()
    opened = open_site(world.site.account, world.site.repository, world.aws.env)
    world.site = replace(world.site, files=opened.files)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: world.site.files(world.checkout, world.commit), range(4)))
    assert all(one is made[0] for one in made), "whoever came meanwhile has waited"
    shutil.rmtree(world.checkout / ".git")
    assert begin(beginning, world.site).standing is Standing.STARTING


def test_a_launcher_that_dies_after_any_call_leaves_one_machine(world: MachineWorld) -> None:
    """At each point another one begins the same, and a pass of those that look after runs goes on with it."""

    class DiedError(BaseException):
        pass

    beginning = world.beginning()
    client = world.site.root.client
    for last in itertools.count(1):
        calls = itertools.count(1)

        def die(last: int = last, calls: Any = calls, **_: Any) -> None:
            if next(calls) == last:
                raise DiedError

        launch = world.cloud.launch
        client.meta.events.register("after-call.s3", die)
        world.cloud.launched = lambda *_, die=die: die()
        try:
            begin(beginning, world.site)
        except DiedError:
            pass
        else:
            break
        finally:
            client.meta.events.unregister("after-call.s3", die)
            world.cloud.launched = lambda *_: None
        assert world.cloud.launch == launch
        assert len(world.cloud.living()) <= 1
        for _ in care(marked(world.site), world.site):
            pass
        begun = begin(beginning, world.site)
        assert begun.standing is Standing.STARTING
        assert begun.instance_id == only(world)
        for name in [one.name for one in world.site.root.names("")]:
            world.site.root.delete(name)
        world.cloud.held.clear()
        world.cloud.tokens.clear()
    assert last > 15


def test_a_machine_that_goes_away_is_followed_by_another(world: MachineWorld) -> None:
    first = begin(world.beginning(), world.site).instance_id
    agent = Agent(world, 1, first)
    agent.started()
    assert advance(RUN_ID, world.site).standing is Standing.WORKING
    world.cloud.end(first, "spot", "Server.SpotInstanceTermination")
    after = advance(RUN_ID, world.site)
    assert after.generation == 2
    assert "EC2 took its spot machine back" in after.said
    assert only(world) == after.instance_id != first
    order = from_json(world.run.get("order/2.json").body, "order")  # type: ignore[union-attr]
    assert "spot machine back" in order.because
    assert advance(RUN_ID, world.site).standing is Standing.STARTING


def test_who_looks_again_and_again_asks_for_what_is_new_alone(world: MachineWorld) -> None:
    agent = Agent(world, 1, begin(other(world, RUN_ID), world.site).instance_id)
    agent.started()
    for _ in range(40):
        agent.say(e.Heartbeat(at=agent.now))
    begin(other(world, SECOND), world.site)
    mine, hers = (Tended(run_id=one, site=world.site, notice=world.said.append) for one in (RUN_ID, SECOND))
    asked: list[str] = []

    def heard(request: Any, **_: Any) -> None:
        asked.append(f"{request.method} {request.url}")

    client = world.site.root.client
    for tended, standing in ((mine, Standing.WORKING), (hers, Standing.HELD)):
        assert tended.alive()
        client.meta.events.register("before-send.s3", heard)
        try:
            assert tended.alive()
        finally:
            client.meta.events.unregister("before-send.s3", heard)
        assert tended.progress is not None
        assert tended.progress.standing is standing
        assert len(asked) < 15, asked
        asked.clear()
    agent.say(e.InstanceLost(at=agent.now, instance_id=only(world), reason="a notice"))
    assert mine.alive()
    assert mine.progress is not None
    assert (mine.progress.generation, mine.progress.said.partition(";")[0]) == (2, "a notice")


def test_one_that_ended_unseen_and_is_forgotten_is_followed_by_another(world: MachineWorld) -> None:
    """Who looks comes late: the cloud shows machines that have ended for about an hour."""
    first = begin(world.beginning(), world.site).instance_id
    world.cloud.end(first, "shutdown")
    world.cloud.visible_from[first] = 10**9
    after = advance(RUN_ID, world.site)
    assert (after.standing, after.generation) == (Standing.STARTING, 2)
    assert "its machine ended before it said a word" in after.said
    assert only(world) == after.instance_id != first


def test_after_three_machines_the_run_is_lost_and_says_why(world: MachineWorld) -> None:
    found = begin(world.beginning(), world.site)
    for generation in (1, 2, 3):
        Agent(world, generation, found.instance_id).say(
            e.RunStarted(at=world.site.root.now(), queue_id="demo", digest="", checkout="/c", max_parallel=1)
            if generation == 1
            else e.RunResumed(at=world.site.root.now(), max_parallel=1)
        )
        world.cloud.end(found.instance_id, "spot")
        found = advance(RUN_ID, world.site)
    assert found.standing is Standing.OVER
    assert "after 3 machines no other one is tried" in found.said
    state = world.state()
    assert state.outcome is Outcome.LOST
    assert "took its spot machine back" in state.jobs["a"].reason
    assert world.cloud.living() == []
    assert advance(RUN_ID, world.site).standing is Standing.OVER
    assert world.run.get("events.jsonl") is not None


def test_an_old_agent_that_wakes_up_writes_nothing_into_a_run_that_was_ended(world: MachineWorld) -> None:
    found = begin(world.beginning(), world.site)
    agent = Agent(world, 1, found.instance_id)
    agent.started()
    end(world.run, world.state(), 1, instance_id=found.instance_id, why="it is gone")
    with pytest.raises(FencedError):
        agent.say(e.Heartbeat(at=agent.now))
    state = world.state()
    assert (state.outcome, state.jobs["a"].outcome) == (Outcome.LOST, Outcome.LOST)


def test_a_run_that_nobody_can_launch_is_over_and_says_why(world: MachineWorld) -> None:
    world.cloud.short_of = lambda *_: True
    found = begin(world.beginning(), world.site)
    assert found.standing is Standing.OVER
    assert "no m7i.large is free" in found.said
    state = world.state()
    assert state.outcome is Outcome.LOST
    assert "no m7i.large is free" in state.jobs["a"].reason
    world.cloud.short_of = lambda *_: False
    again = go_on(RUN_ID, world.site, action="retry", by="bob")
    assert (again.standing, again.generation) == (Standing.STARTING, 2)


def test_a_boot_that_fails_is_explained(world: MachineWorld) -> None:
    found = begin(world.beginning(), world.site)
    said = (
        b"runner-boot 5 fetch: fetching\nrunner-boot 6 failed: the bundle has another hash than it should\n"
    )
    world.run.put(f"boot/1-{found.instance_id}.log", said)
    world.cloud.end(found.instance_id, "shutdown")
    after = advance(RUN_ID, world.site)
    assert "the bundle has another hash than it should" in after.said
    assert after.generation == 2


def test_what_machines_cost_that_never_spoke_is_known_all_the_same(world: MachineWorld) -> None:
    """Two that do not boot: the third tells of them; or whoever ends the run, if it does not boot either."""
    found = begin(world.beginning(), world.site)
    for _ in (1, 2):
        world.cloud.end(found.instance_id, "shutdown")
        found = advance(RUN_ID, world.site)
    given = order_of(world.run, 3)
    names = [one.instance_id for one in given.unheard]
    assert len(set(names)) == 2
    spoken = RunState.new(RUN_ID, world.state().queue)
    for word in before(given, spoken):
        apply(spoken, word)
    assert [(one.instance_id, one.generation) for one in spoken.machines] == [(names[0], 1), (names[1], 2)]
    assert all(one.price and one.lost and one.ended_at >= one.launched_at > 0 for one in spoken.machines)
    assert before(given, spoken) == []
    world.cloud.end(found.instance_id, "shutdown")
    assert advance(RUN_ID, world.site).standing is Standing.OVER
    state = world.state()
    assert [one.instance_id for one in state.machines] == [*names, found.instance_id]
    assert dollars(state.machines, world.site.root.now()) is not None
    assert {(one.type, one.region, one.generation > 0) for one in state.machines} == {
        ("m7i.large", "us-east-1", True)
    }
    assert "no other one is tried" in state.machines[-1].lost


def test_only_a_run_that_nobody_works_on_goes_on(world: MachineWorld) -> None:
    found = begin(world.beginning(), world.site)
    with pytest.raises(RunIsLiveError, match=found.instance_id):
        go_on(RUN_ID, world.site, action="retry")
    agent = Agent(world, 1, found.instance_id)
    agent.started()
    agent.say(e.RunInterrupted(at=agent.now, reason="the machine's time to live (`ttl`) is over"))
    assert advance(RUN_ID, world.site).standing is Standing.INTERRUPTED
    after = go_on(RUN_ID, world.site)
    assert after.generation == 2
    assert only(world) == after.instance_id
    second = Agent(world, 2, after.instance_id)
    assert advance(RUN_ID, world.site).standing is Standing.WORKING, "what the first said is not the second's"
    second.say(e.RunResumed(at=second.now, max_parallel=1), e.RunFinished(at=second.now, outcome="failed"))
    assert advance(RUN_ID, world.site).standing is Standing.OVER
    assert go_on(RUN_ID, world.site).standing is Standing.OVER
    third = go_on(RUN_ID, world.site, action="retry", job_ids=("a",))
    assert third.generation == 3
    Agent(world, 3, third.instance_id)
    assert advance(RUN_ID, world.site).standing is Standing.WORKING, "a retry is not over before it says so"


def test_a_run_whose_files_the_bucket_has_forgotten_gets_no_machine(world: MachineWorld) -> None:
    found = begin(world.beginning(), world.site)
    end(world.run, world.state(), 1, instance_id=found.instance_id, why="it is gone")
    (bundle,) = world.site.root.names("bundles/")
    world.site.root.delete(bundle.name)
    with pytest.raises(NotFoundError, match="no longer in the bucket"):
        go_on(RUN_ID, world.site, action="retry")
    assert newest_generation(world.run) == 1


def test_what_is_over_is_unmarked_and_its_machine_reaped(world: MachineWorld) -> None:
    found = begin(world.beginning(), world.site)
    agent = Agent(world, 1, found.instance_id)
    agent.started()
    agent.say(e.RunFinished(at=agent.now, outcome="succeeded"))
    ((_, progress),) = care(marked(world.site), world.site)
    assert not isinstance(progress, Exception)
    assert is_done(progress)
    assert reap(world.site) == [], "it is young: it may be on its way"
    held = world.cloud.held[found.instance_id]
    world.cloud.held[found.instance_id] = replace(held, launched=held.launched - 1000)
    (orphan,) = reap(world.site)
    assert orphan.why == "its run is over"
    assert world.cloud.living() == []


def test_a_machine_that_has_stopped_by_itself_has_time_for_its_end(world: MachineWorld) -> None:
    """It still sends what is to be kept."""
    agent = Agent(world, 1, begin(world.beginning(), world.site).instance_id)
    agent.started()
    agent.say(e.RunInterrupted(at=agent.now, reason="its time to live is over"))
    held = world.cloud.held[only(world)]
    world.cloud.held[held.id] = replace(held, launched=held.launched - 1000)
    assert reap(world.site) == []

    class Later(Bucket):
        def now(self) -> float:
            return super().now() + 1000

        def below(self, name: str) -> Bucket:
            return Later(self.client, self.where.below(name))

    root = world.site.root
    (orphan,) = reap(replace(world.site, root=Later(root.client, root.where)))
    assert orphan.why == "its run is over"


class ClosedCloud(TimelyCloud):
    """A region that the role may not look at."""

    def find(self, tags: Mapping[str, str]) -> Sequence[Instance]:
        raise CloudRefusedError("denied")


def test_machines_are_reaped_wherever_they_may_be(world: MachineWorld) -> None:
    """In the account's own region, in those that the policy allows or somebody names, and where some were."""
    begin(world.beginning(), world.site)
    clouds = {
        region: TimelyCloud(now=world.site.root.now) for region in ("eu-west-1", "eu-west-2", "eu-west-3")
    }
    tags = {**repository_tags("acme/models"), "runner:run": "gone-1"}
    for cloud in clouds.values():
        cloud.held["i-9"] = Instance(id="i-9", state="running", launched=1.0, tags=tags)
        cloud.visible_from["i-9"] = 0
    clouds["eu-north-1"] = ClosedCloud()
    policy = Policy(regions=("eu-north-1", "eu-west-1", "ap-*"))
    site = replace(world.site, cloud={"us-east-1": world.cloud, **clouds}.__getitem__, policy=policy)
    site.root.put("prices/eu-west-2.json", b"{}")
    assert [one.why for one in reap(site)] == ["its run, gone-1, is unknown"] * 2
    assert clouds["eu-west-1"].living() == clouds["eu-west-2"].living() == []
    assert len(clouds["eu-west-3"].living()) == len(world.cloud.living()) == 1
    assert [one.instance.id for one in reap(site, ["eu-west-3"])] == ["i-9"]
    assert set(world.said) == {"machines in eu-north-1 are not looked at: denied"}
    with pytest.raises(CloudRefusedError, match="denied"):
        reap(site, ["eu-north-1"])


def test_a_mark_without_a_run_does_not_stand_in_the_way(world: MachineWorld) -> None:
    world.site.root.put("live/nothing-20261122T180405-abc123", b"{}")
    begin(world.beginning(), world.site)
    found = dict(care(marked(world.site), world.site))
    assert [type(one).__name__ for one in found.values()].count("NotFoundError") == 1
    assert sum(isinstance(live, Live) for live in found) == 2


def test_two_menders_at_once_open_one_generation(world: MachineWorld) -> None:
    found = begin(world.beginning(), world.site)
    Agent(world, 1, found.instance_id).started()
    world.cloud.end(found.instance_id, "trouble")
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: advance(RUN_ID, world.site), range(2)))
    assert {one.generation for one in both} == {2}
    assert {one.instance_id for one in both} == {only(world)}


def other(world: MachineWorld, run_id: str, policy: str = "wait") -> Beginning:
    made = queue(job("a"), machine=EC2, concurrency_group="gpu", concurrency_policy=policy)
    return replace(world.beginning(made), live=Live(run_id=run_id))


FIRST, SECOND, THIRD = (f"demo-20261122T18040{n}-{x * 6}" for n, x in enumerate("abc"))


def test_a_run_waits_for_its_group_without_a_machine(world: MachineWorld) -> None:
    first = begin(other(world, FIRST), world.site)
    waits = begin(other(world, SECOND), world.site)
    assert (waits.standing, waits.words) == (Standing.HELD, f"its turn after run {FIRST}")
    assert len(world.cloud.living()) == 1
    end(
        world.site.run(FIRST),
        look(FIRST, world.site)[1].state,
        1,
        instance_id=first.instance_id,
        why="it ended",
    )
    assert advance(SECOND, world.site).standing is Standing.STARTING
    with pytest.raises(RunIsLiveError, match=SECOND):
        go_on(FIRST, world.site, action="retry")


def test_a_run_that_does_not_wait_is_over_at_once(world: MachineWorld) -> None:
    begin(other(world, FIRST), world.site)
    refused = begin(other(world, SECOND, "reject"), world.site)
    assert refused.standing is Standing.OVER
    assert FIRST in refused.said
    assert world.cloud.living() == list(world.cloud.held.values())


def test_a_run_can_cancel_the_one_before_it(world: MachineWorld) -> None:
    begin(other(world, FIRST), world.site)
    begin(other(world, SECOND, "cancel"), world.site)
    assert advance(SECOND, world.site).standing is Standing.HELD
    last = begin(other(world, THIRD, "cancel"), world.site)
    assert last.words == f"its turn after run {FIRST} and 1 more that waits for it"
    asked = [one.name for one in world.site.run(FIRST).names("requests/")]
    assert asked == ["requests/group-1.json"], "once, whoever waits: a second time would end its cleanup"
    second = advance(SECOND, world.site)
    assert (second.standing, second.said) == (
        Standing.OVER,
        f"cancelled by run {THIRD} of the same group before it began",
    )


def test_runs_of_a_group_go_in_order_of_arrival(world: MachineWorld) -> None:
    first = begin(other(world, FIRST), world.site)
    for run_id in (SECOND, THIRD):
        begin(other(world, run_id), world.site)
    state = look(FIRST, world.site)[1].state
    end(world.site.run(FIRST), state, 1, instance_id=first.instance_id, why="it ended")
    assert advance(THIRD, world.site).words == f"its turn after run {SECOND}"
    with pytest.raises(RunIsLiveError, match=SECOND):
        go_on(FIRST, world.site, action="retry")
    assert advance(SECOND, world.site).standing is Standing.STARTING


def test_what_an_earlier_run_left_is_handed_on(world: MachineWorld) -> None:
    runs = world.site.root.below("runs")
    runs.put("demo-20261120T000000-aaaaaa/state/1.tar.gz", b"old")
    runs.put("demo-20261121T000000-bbbbbb/state/2.tar.gz", b"older")
    runs.put("demo-20261121T000000-bbbbbb/state/10.tar.gz", b"newest")
    runs.put("demo-2-20261123T000000-cccccc/state/1.tar.gz", b"of another queue")
    begin(world.beginning(), world.site)
    order = from_json(world.run.get("order/1.json").body, "order")  # type: ignore[union-attr]
    assert order.state == "runs/demo-20261121T000000-bbbbbb/state/10.tar.gz"


@pytest.mark.parametrize("boots", [False, True])
def test_a_run_that_is_cancelled_before_it_began_gets_no_other_machine(
    world: MachineWorld, boots: bool
) -> None:
    found = begin(world.beginning(), world.site)
    if not boots:
        world.cloud.end(found.instance_id, "shutdown")
    BucketSource(world.run).request({"type": "cancel", "job_ids": [], "by": "bob"})
    after = advance(RUN_ID, world.site)
    assert (after.standing, after.said) == (Standing.OVER, "cancelled by bob before it began")
    assert world.cloud.living() == []
    state = world.state()
    assert (state.outcome, state.jobs["a"].outcome) == (Outcome.CANCELLED, Outcome.CANCELLED)
    assert [one.instance_id for one in state.machines] == [found.instance_id]
    assert dollars(state.machines, world.site.root.now()) is not None
    again = go_on(RUN_ID, world.site, action="retry")
    assert (again.standing, again.generation) == (Standing.STARTING, 2), "what was asked counts once"


def test_what_a_pull_request_brought_is_shown_there_again(world: MachineWorld) -> None:
    beginning = world.beginning(commit="c" * 40, pull=7)
    plan = replace(beginning.plan, git=replace(beginning.plan.git, pr="7"))
    found = begin(replace(beginning, plan=plan), world.site)
    assert world.cloud.held[found.instance_id].tags == {
        "Name": f"runner {RUN_ID}",
        "runner:run": RUN_ID,
        "runner:queue": "demo",
        "runner:repository": "acme/models",
        "runner:commit": world.commit,
        "runner:pull": "7",
        "runner:ttl": "3600",
        "runner:owner": "ann",
        "runner:generation": "1",
        "runner:launch": "1",
    }
    agent = Agent(world, 1, found.instance_id)
    agent.started()
    agent.say(e.RunFinished(at=agent.now, outcome="failed"))
    unmark(RUN_ID, world.site)
    go_on(RUN_ID, world.site, action="retry", by="ann")
    (live,) = marked(world.site)
    assert (live.commit, live.pull) == (world.commit, 7)
