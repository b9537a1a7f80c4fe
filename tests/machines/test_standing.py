"""How a run on a machine stands, from what can be seen of it: the law itself, without any cloud."""

from __future__ import annotations

from typing import Any

import pytest

from runner import events as e
from runner.bundle.order import MachineOrder
from runner.launching.steps import REPLAYABLE
from runner.machines.ending import last_words
from runner.machines.standing import BOOTING, FORGOTTEN, SILENT, Facts, Standing, judge
from runner.model import Outcome
from runner.ports import Instance
from runner.state import RunState, apply
from tests.builders import START, Log, job, queue

RUN = MachineOrder(checkout="c", checkout_sha256="0")
RETRY = MachineOrder(checkout="c", checkout_sha256="0", action="retry")
HERS = Instance(id="i-1", state="running", type="m7i.large")
GONE = Instance(id="i-1", state="terminated", ended="spot", reason="Server.SpotInstanceTermination")


def state(*events: e.Event) -> RunState:
    return Log(queue(job("a"), job("b", "a"))).add(*events).state()


def seen(*events: e.Event, **facts: Any) -> Facts:
    known = {"generation": 1, "order": RUN, "told_by": 1, "asked": 60.0, "holder": "i-1", "machines": (HERS,)}
    return Facts(state=state(*events), **(known | facts))


FINISHED = e.RunFinished(at=START + 9, outcome="succeeded")
STOPPED = e.RunInterrupted(at=START + 9, reason="its time is over")


@pytest.mark.parametrize(
    ("facts", "standing"),
    [
        (seen(), Standing.WORKING),
        (seen(silent=SILENT + 1), Standing.SILENT),
        (seen(machines=(GONE,)), Standing.GONE),
        (seen(machines=()), Standing.WORKING),
        (seen(machines=(), silent=FORGOTTEN + 1), Standing.GONE),
        (seen(STOPPED, is_own=True), Standing.INTERRUPTED),
        (seen(STOPPED, is_own=False), Standing.WORKING),
        (seen(STOPPED, is_own=True, lost_because="a notice"), Standing.GONE),
        (seen(FINISHED, is_own=True), Standing.OVER),
        (seen(FINISHED, is_own=False), Standing.OVER),
        (seen(FINISHED, order=RETRY, generation=2), Standing.STARTING),
        (seen(FINISHED, order=RETRY, generation=2, told_by=2), Standing.WORKING),
        (seen(FINISHED, order=RETRY, generation=2, told_by=2, is_own=True), Standing.OVER),
        (seen(generation=0, order=None, told_by=0), Standing.HELD),
        (seen(FINISHED, generation=0, order=None), Standing.OVER),
        (seen(told_by=0, asked=None), Standing.UNASKED),
        (seen(told_by=0, asked=1.0, machines=()), Standing.UNASKED),
        (seen(told_by=0, asked=REPLAYABLE + 1, machines=()), Standing.UNBOOTED),
        (seen(told_by=0), Standing.STARTING),
        (seen(told_by=0, asked=BOOTING + 1), Standing.UNBOOTED),
        (seen(told_by=0, holder="", machines=(GONE,)), Standing.UNBOOTED),
        (
            seen(told_by=0, holder="", machines=(Instance(id="i-1", state="terminated", ended="capacity"),)),
            Standing.UNASKED,
        ),
        (seen(told_by=0, holder="", machines=(GONE, HERS)), Standing.STARTING),
    ],
)
def test_standing(facts: Facts, standing: Standing) -> None:
    assert judge(facts).standing is standing


def test_a_machine_that_is_gone_says_why() -> None:
    why = judge(seen(machines=(GONE,))).why
    assert why == "machine i-1 is gone: EC2 took its spot machine back; Server.SpotInstanceTermination"


def test_the_last_words_close_every_job_and_say_why() -> None:
    """What ran is lost; what had ended keeps its outcome; the rest never ran."""
    made = state(e.AttemptStarted(at=START + 1, job_id="a", attempt=1, handle="h"))
    for event in last_words(made, "i-1", "it is gone", START + 5):
        apply(made, event)
    assert (made.outcome, made.open_jobs) == (Outcome.LOST, 0)
    assert made.jobs["a"].reason == "it is gone"
    assert made.jobs["b"].reason == "it never ran: it is gone"
    assert last_words(made, "i-1", "again", START + 6) == []
