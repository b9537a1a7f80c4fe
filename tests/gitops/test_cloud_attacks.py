"""What jobs, people and bad timing can do to those who look after runs: nobody else's run suffers from it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner import events as e
from runner.errors import SUCCEEDED, LogError
from runner.launching.naming import GENERATION, RUN
from runner.machines.advancing import advance
from runner.machines.beginning import go_on
from runner.machines.ending import end
from runner.machines.facts import look
from runner.machines.live import Live, mark, marked
from runner.machines.standing import Standing
from runner.stores.s3 import Bucket
from tests.aws import Aws
from tests.gitops.cloud_faults import Spoken, after, look_after, machine, merged
from tests.gitops.cloud_loop import CloudLoop, queue

pytestmark = pytest.mark.slow


@pytest.fixture
def loop(aws: Aws, tmp_path: Path) -> Iterator[CloudLoop]:
    with contextlib.ExitStack() as stack:
        made = CloudLoop(aws, tmp_path, stack, boots=False)
        try:
            yield made
        finally:
            made.close()


def dispatched(loop: CloudLoop) -> int:
    """How many workflow runs were started by ours."""
    return len(list((loop.folder / "forge" / "dispatches").glob("*")))


def put_event(run: Bucket, body: bytes) -> None:
    """What a job that has its machine's credentials may write: the next segment of the log."""
    run.put(f"events/{len(run.names('events/')) + 1:06d}.jsonl", body)


HEAD = b'{"segment": 9, "generation": 1000, "writer": "i-1"}\n'
BEAT = b'{"type": "heartbeat", "at": "2026-11-22T18:04:05.000000Z"}'


@pytest.mark.parametrize(
    "body",
    [
        b'{"segment": 9, "generation": Infinity, "writer": "i-1"}\n',
        HEAD + b'{"type": "job_finished", "at": "2026-11-22T18:04:05.000000Z", "job_id": "x"}\n',
        HEAD + BEAT,
        HEAD + BEAT + b"\r" + BEAT + b"\n",
    ],
    ids=["generation", "event", "half a line", "two in a line"],
)
def test_a_log_that_no_runner_wrote_stands_in_nobodys_way(loop: CloudLoop, body: bytes) -> None:
    """It is shown as far as it can be read, its machine has its time, and its group is free after that."""
    alone = queue("sleep 600", concurrency={"group": "gpu"})
    bad, waits = merged(loop, alone), merged(loop, alone, name="other", number=8)
    bad.push()
    first = machine(loop)
    waits.push()
    put_event(Spoken(loop, first).works().run, body)
    assert look_after(loop) == SUCCEEDED, loop.world.said
    assert bad.status()[0] == "error"
    assert "its log cannot be read any further: " in bad.final
    assert machine(loop).id == first.id, "a newer runner may have written it"
    assert waits.status("runner/other")[0] == "pending"
    loop.world.cloud.end(first.id, "shutdown")
    assert look_after(loop) == SUCCEEDED, loop.world.said
    assert look_after(loop) == SUCCEEDED, loop.world.said
    assert machine(loop).tags[RUN].startswith("other-")
    assert [live.run_id for live in marked(loop.site)] == [machine(loop).tags[RUN]]
    assert len(bad.comments("final")) == 1


@pytest.mark.parametrize("claimed", [b'{"instance_id": "i-nobody"}', b"["], ids=["nobody", "broken"])
def test_a_claim_that_is_none_of_a_machine_we_asked_for_costs_a_machine(
    loop: CloudLoop, claimed: bytes
) -> None:
    """Of the machine to come: it cannot have the run, but the next one can."""
    told = merged(loop)
    told.push()
    first = machine(loop)
    run = Spoken(loop, first).works().run
    run.put("agent/2", claimed)
    loop.world.cloud.end(first.id, "trouble")
    assert look_after(loop) == SUCCEEDED
    for second in loop.world.cloud.living():
        loop.world.cloud.end(second.id, "shutdown")  # as it does where another one has the run
    with after(loop, 700.0):
        assert look_after(loop) == SUCCEEDED
    third = machine(loop)
    assert third.tags[GENERATION] == "3"
    Spoken(loop, third).works().ends()
    assert look_after(loop) == SUCCEEDED
    assert told.status()[0] == "success"
    assert marked(loop.site) == []


def test_followers_do_not_start_each_other_for_what_they_cannot_help(loop: CloudLoop) -> None:
    """A launcher died right after it had said that there would be a run."""
    nothing = Live(run_id="train-20261122T180405-abc123", commit=loop.repository.head)
    mark(nothing, loop.site)
    loop.step("workflow_dispatch", {"inputs": {"follow": "true"}})
    assert look_after(loop) == 4
    assert dispatched(loop) == 0
    assert marked(loop.site) == [nothing]
    with after(loop, 3700.0):
        look_after(loop)
    assert marked(loop.site) == []
    assert look_after(loop) == SUCCEEDED


def test_a_follower_has_a_successor_when_its_time_is_up_and_not_before(loop: CloudLoop) -> None:
    told = merged(loop)
    told.push()
    assert dispatched(loop) == 1
    Spoken(loop, machine(loop)).works()
    assert loop.step("workflow_dispatch", {"inputs": {"follow": "true"}}, until=0.0) == SUCCEEDED
    assert dispatched(loop) == 2
    assert look_after(loop) == SUCCEEDED
    assert dispatched(loop) == 3, "who only looked leaves it to one who follows"


def test_who_ends_a_run_does_not_shut_out_the_machine_that_has_it_by_now(loop: CloudLoop) -> None:
    """It looked, was held up for long, and went on."""
    told = merged(loop)
    told.push()
    first = machine(loop)
    run_id = first.tags[RUN]
    Spoken(loop, first).works()
    seen = look(run_id, loop.site)[1]
    loop.world.cloud.end(first.id, "trouble")
    advance(run_id, loop.site)
    second = Spoken(loop, machine(loop)).works()
    end(loop.site.run(run_id), seen.state, 1, instance_id=first.id, why="it is gone")
    second.say(e.Heartbeat(at=second.now))
    assert advance(run_id, loop.site).standing is Standing.WORKING
    second.ends()
    assert look_after(loop) == SUCCEEDED
    assert told.status()[0] == "success"


@pytest.mark.parametrize("generation", [2000, 10**30])
def test_a_log_of_a_machine_that_nobody_asked_for_costs_no_further_one(
    loop: CloudLoop, generation: int
) -> None:
    """Whatever is launched after it would be shut out, and nobody could end the run."""
    alone = queue("sleep 100", concurrency={"group": "gpu"})
    bad, waits = merged(loop, alone), merged(loop, alone, name="other", number=8)
    bad.push()
    first = machine(loop)
    run_id = first.tags[RUN]
    waits.push()
    put_event(
        Spoken(loop, first).works().run,
        b'{"segment": 9, "generation": %d, "writer": "i-1"}\n' % generation,
    )
    assert look_after(loop) == SUCCEEDED, loop.world.said
    assert bad.status()[0] == "pending"
    loop.world.cloud.end(first.id, "shutdown")
    assert look_after(loop) == SUCCEEDED, loop.world.said
    assert bad.status()[0] == "error"
    with pytest.raises(LogError, match="no runner wrote: it was written for a machine that nobody asked for"):
        go_on(run_id, loop.site)
    assert look_after(loop) == SUCCEEDED, loop.world.said
    assert [one.tags[RUN] == run_id for one in loop.world.cloud.held.values()] == [True, False]
    assert [live.run_id for live in marked(loop.site)] == [machine(loop).tags[RUN]]


def test_a_run_that_somebody_has_go_on_while_it_is_done_with_stays_marked(loop: CloudLoop) -> None:
    """Between the last look and the removal of the mark."""
    told = merged(loop)
    told.push()
    first = machine(loop)
    run_id = first.tags[RUN]
    Spoken(loop, first).works().ends("failed")
    loop.world.cloud.end(first.id, "shutdown")
    site = loop.site

    class Interfering(Bucket):
        def delete(self, name: str) -> None:
            if name.startswith("live/"):
                go_on(run_id, site, action="retry", by="ann")
            super().delete(name)

    loop.site = replace(site, root=Interfering(site.root.client, site.root.where))
    assert look_after(loop) == SUCCEEDED, loop.world.said
    assert [live.commit for live in marked(site)] == [told.merge]
    assert machine(loop).tags[GENERATION] == "2"


def test_a_comment_commands_the_runs_of_its_own_pull_request_alone(loop: CloudLoop) -> None:
    told = merged(loop)
    told.push()
    run_id = machine(loop).tags[RUN]
    other = merged(loop, name="other", number=8)
    loop.forge.put_person("eve", "read")
    for pull, author, said in (
        (8, "ann", f"there is no run {run_id} here"),
        (7, "eve", "you may not cancel"),
    ):
        asked = loop.forge.put_comment(pull, f"/runner cancel {run_id}", author=author)
        loop.step("workflow_dispatch", {"inputs": {"comment": str(asked.id)}})
        assert said in loop.forge.comments(pull)[-1].body
    assert other.comments("final") == []
    assert loop.site.run(run_id).names("requests/") == []
    assert look_after(loop) == SUCCEEDED
    assert told.status()[0] == "pending"
