"""What the comments say of a run's machines: the one that is awaited, those that were lost."""

from __future__ import annotations

import dataclasses

import pytest

from runner import events as e
from runner.report.comment_final import final_comment
from runner.report.comment_live import live_comment
from runner.report.evidence import Evidence
from runner.report.links import Links
from runner.report.machines import UNREADABLE, course, waits_for
from runner.report.statuses import queue_status
from runner.state import RunPhase
from tests.builders import RUN_ID, START, Log, job, plan, queue
from tests.github_markdown import assert_harmless
from tests.report.comment_examples import EVIDENCE, LINKS
from tests.snapshots import assert_snapshot

BOOTING = "i-0abc (m7i.large) is booting, 40 s"
IN_BUCKET = dataclasses.replace(LINKS, bucket=f"s3://lab/runner/runs/{RUN_ID}")


def launched(name: str, at: float, because: str = "") -> e.InstanceLaunched:
    return e.InstanceLaunched(
        at=START + at,
        instance_id=name,
        machine_type="m7i.large",
        region="eu-west-1",
        zone="eu-west-1a",
        spot=True,
        launched_at=START + at - 40.0,
        price=0.1,
        because=because,
    )


def taken_back() -> Log:
    log = Log(queue(job("prepare"), job("b", "prepare")))
    log.events.insert(1, launched("i-0first", 0.0))
    log.whole("prepare", 1.0, 9.0).start("b", 10.5)
    log.end("b", 40.0, "lost", interrupted=True, exit_code=None)
    return log.add(e.RunInterrupted(at=START + 41.0, reason="EC2 takes the machine back"))


def gone_on() -> Log:
    log = taken_back()
    log.add(e.InstanceLost(at=START + 200.0, instance_id="i-0first", reason="EC2 took it back"))
    log.add(launched("i-0second", 200.0), e.RunResumed(at=START + 200.0, max_parallel=4))
    log.add(e.JobRetrying(at=START + 200.0, job_id="b", attempt=1, delay=0.0, free=True))
    return log.whole("b", 201.0, 5.0).over(207.0)


def never_came() -> Log:
    why = "machine i-0abc did not start its agent: it could not fetch the program"
    log = Log(queue(job("a"), job("b", "a")), started=False)
    log.events[:] = [e.InstanceLost(at=START + 400.0, instance_id="i-0abc", reason=why)]
    for name in ("a", "b"):
        reason = f"it never ran: {why}"
        log.add(e.JobFinished(at=START + 400.0, job_id=name, outcome="lost", reason=reason))
    return log.over(400.0, "lost")


def live(log: Log, waiting: str = "", **fields: object) -> str:
    state = dataclasses.replace(log.state(), **fields)  # type: ignore[arg-type]
    return live_comment(plan(log.queue), state, now=START + 300.0, links=IN_BUCKET, waiting=waiting)


def final(log: Log, evidence: Evidence = EVIDENCE, links: Links = IN_BUCKET, **fields: object) -> str:
    state = dataclasses.replace(log.state(), **fields)  # type: ignore[arg-type]
    return final_comment(plan(log.queue), state, evidence, now=START + 300.0, links=links)


def unasked() -> Log:
    log = Log(queue(job("a"), job("b", "a")), started=False)
    log.events.clear()
    return log


UNREAD = {"phase": RunPhase.INTERRUPTED, "interrupted": f"{UNREADABLE}: event 7 is `<img>` @all"}
SHOWN = {
    "live-waiting": live(unasked(), BOOTING, requested_at=START),
    "live-waiting-again": live(taken_back(), BOOTING, phase=RunPhase.REQUESTED, interrupted=""),
    "live-went-on": live(gone_on()),
    "live-unreadable": live(taken_back(), **UNREAD),
    "final-went-on": final(gone_on()),
    "final-interrupted": final(taken_back()),
    "final-unreadable": final(taken_back(), **UNREAD),
    "final-never-came": final(never_came()),
}


@pytest.mark.parametrize("name", SHOWN)
def test_it_reads_well(name: str) -> None:
    assert_harmless(SHOWN[name])
    assert_snapshot(f"comments/machine-{name}.md", SHOWN[name])


def test_a_status_leaves_out_what_changes_all_the_time() -> None:
    state = unasked().state()
    assert queue_status(state, waiting=BOOTING).description == (
        "Waiting for its machine: i-0abc (m7i.large) is booting"
    )
    assert waits_for(taken_back().state(), "") == "Waiting for another machine"


def test_a_run_of_one_machine_says_nothing_of_it() -> None:
    log = Log(queue(job("a")))
    log.events.insert(1, launched("i-0abc", 0.0))
    assert course(log.whole("a", 1.0).over(2.0).state()) == ""


def test_one_that_came_because_another_was_silent() -> None:
    log = gone_on()
    log.events = [event for event in log.events if not isinstance(event, e.InstanceLost)]
    log.events = [
        dataclasses.replace(event, because="i-0first has said nothing for 4 minutes")
        if isinstance(event, e.InstanceLaunched) and event.instance_id == "i-0second"
        else event
        for event in log.events
    ]
    said = "It went on with `i-0second` after `i-0first` was lost: `i-0first has said nothing for 4 minutes`"
    assert course(log.state()) == said
