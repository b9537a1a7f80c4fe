"""What the machines of a run did cost: folded from its log, and said in every report."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner import events as e
from runner.report import json_report
from runner.report import markdown as report
from runner.report.closing import closing
from runner.report.comment_final import final_comment
from runner.report.evidence import Evidence
from runner.state import MachineState, RunState
from tests.builders import START, Log, job, plan, queue

HOUR = 3600.0


def launched(at: float, number: int = 1, *, price: float = 0.1, **fields: Any) -> e.InstanceLaunched:
    given = {"region": "us-east-1", "launched_at": START + at - 60, **fields}
    return e.InstanceLaunched(
        at=START + at,
        instance_id=f"i-{number}",
        generation=number,
        machine_type="m7i.large",
        price=price,
        **given,
    )


def resumed(at: float) -> e.RunResumed:
    return e.RunResumed(at=START + at, max_parallel=1)


def lost(at: float, number: int = 1, reason: str = "spot took it") -> e.InstanceLost:
    return e.InstanceLost(at=START + at, instance_id=f"i-{number}", reason=reason)


def folded(*events: e.Event) -> RunState:
    return Log(queue(job("a"))).add(*events).state()


def lives(state: RunState) -> list[tuple[str, float, float]]:
    return [(one.instance_id, one.launched_at - START, one.ended_at - START) for one in state.machines]


def finished(at: float) -> e.RunFinished:
    return e.RunFinished(at=START + at, outcome="succeeded")


class TestTheFold:
    def test_a_machine_works_from_its_launch_to_the_end_of_the_run(self) -> None:
        assert lives(folded(launched(100), finished(700))) == [("i-1", 40, 700)]

    def test_one_that_does_not_know_its_launch_counts_from_its_first_word(self) -> None:
        assert lives(folded(launched(100, launched_at=0.0), finished(700))) == [("i-1", 100, 700)]

    def test_one_that_is_lost_ends_there_also_if_the_run_was_interrupted_before(self) -> None:
        interrupted = e.RunInterrupted(at=START + 400, reason="spot takes it")
        state = folded(launched(100), interrupted, lost(500), launched(900, 2), resumed(910), finished(1000))
        assert lives(state) == [("i-1", 40, 500), ("i-2", 840, 1000)]
        assert [one.lost for one in state.machines] == ["spot took it", ""]

    def test_one_of_which_nobody_saw_the_end_lived_until_the_next_was_launched(self) -> None:
        assert lives(folded(launched(100), launched(900, 2), finished(1000))) == [
            ("i-1", 40, 840),
            ("i-2", 840, 1000),
        ]

    def test_one_that_goes_on_after_an_interruption_lives_on(self) -> None:
        interrupted = e.RunInterrupted(at=START + 400, reason="a full disk")
        assert folded(launched(100), interrupted, resumed(410)).machines[0].ended_at == 0
        assert lives(folded(launched(100), interrupted, resumed(410), finished(700))) == [("i-1", 40, 700)]

    def test_a_retry_on_another_machine_does_not_lengthen_the_first_ones_life(self) -> None:
        reset = e.JobsReset(at=START + 5000, job_ids=("a",))
        state = folded(launched(100), finished(700), launched(5000, 2), reset, resumed(5001), finished(5100))
        assert lives(state) == [("i-1", 40, 700), ("i-2", 4940, 5100)]

    def test_a_run_that_never_got_a_machine_cost_nothing(self) -> None:
        state = folded(e.InstanceLost(at=START + 5, instance_id="", reason="no machine: no such image"))
        told = closing(state, START + 60, ref="run")
        assert told[-1] == "  machine: none was launched, cost $0.00"
        found = json.loads(json_report.text(plan(state.queue), state, Evidence(), START + 60))
        assert found["cost"] == {"at_most": 0, "currency": "USD"}

    def test_one_that_never_came_so_far_as_to_speak_is_known_by_its_loss(self) -> None:
        state = folded(lost(300, 7, "its boot failed"))
        assert state.machines == [
            MachineState(instance_id="i-7", ended_at=START + 300, lost="its boot failed")
        ]


def texts(state: RunState, now: float) -> dict[str, str]:
    made = plan(state.queue)
    return {
        "report": report.text(made, state, Evidence(), now),
        "comment": final_comment(made, state, Evidence(), now=now),
        "closing": "\n".join(closing(state, now, ref="run")),
    }


class TestTheReports:
    def test_of_one_machine(self) -> None:
        said = texts(folded(launched(60), finished(HOUR)), START + HOUR)
        row = "Machine `i-1` (`m7i.large`, `us-east-1`): 1h, at most `$0.11` (on-demand price)"
        assert f"- {row}\n" in said["report"]
        assert row in said["comment"]
        assert "  machine: m7i.large in us-east-1, 1h, at most $0.11 (on-demand price)" in said["closing"]

    def test_of_several(self) -> None:
        state = folded(launched(60, spot=True), lost(HOUR), launched(HOUR + 60, 2), finished(2 * HOUR))
        said = texts(state, START + 9 * HOUR)
        assert "(`m7i.large`, spot, `us-east-1`): 1h, at most `$0.11` (on-demand price)" in said["report"]
        assert "- Together 2 machines, 2h, at most `$0.21` (on-demand prices)\n" in said["report"]
        assert "Together 2 machines, 2h, at most `$0.21` (on-demand prices)" in said["comment"]
        assert "  2 machines, 2h, at most $0.21 (on-demand prices)" in said["closing"]

    def test_what_a_burstable_machine_computes_besides_is_not_in_it(self) -> None:
        made = e.InstanceLaunched(at=START + 1, instance_id="i-1", machine_type="t3.large", price=0.1)
        said = texts(folded(made, finished(HOUR)), START + HOUR)
        assert "(on-demand price, without CPU credits)" in said["closing"]

    def test_one_that_lives_costs_until_now(self) -> None:
        said = texts(folded(launched(60)), START + HOUR / 2)
        assert "30m, at most `$0.06` (on-demand price)" in said["report"]

    @pytest.mark.parametrize("events", [(launched(60, price=0.0),), (launched(60), lost(90, 7))], ids=repr)
    def test_what_is_not_known_is_not_guessed(self, events: tuple[e.Event, ...]) -> None:
        state = folded(*events, finished(HOUR))
        for text in texts(state, START + HOUR).values():
            assert "cost unknown" in text
        made = json.loads(json_report.text(plan(state.queue), state, Evidence(), START + HOUR))
        assert made["cost"] == {"at_most": None, "currency": "USD"}

    def test_a_run_without_machines_says_nothing_of_them(self) -> None:
        state = folded(finished(HOUR))
        assert all("achine" not in text for text in texts(state, START + HOUR).values())
        made = json.loads(json_report.text(plan(state.queue), state, Evidence(), START))
        assert (made["machines"], made["cost"]) == ([], None)

    def test_programs_get_all_of_it(self) -> None:
        state = folded(launched(60, zone="us-east-1a"), lost(HOUR))
        made = json.loads(json_report.text(plan(state.queue), state, Evidence(), START + 9 * HOUR))
        (machine,) = made["machines"]
        assert machine["launched_at"].endswith("Z")
        assert {key: value for key, value in machine.items() if not key.endswith("ed_at")} == {
            "instance_id": "i-1", "generation": 1, "machine_type": "m7i.large", "region": "us-east-1",
            "zone": "us-east-1a", "spot": False, "lost": "spot took it", "seconds": 3600.0, "per_hour": 0.1,
            "at_most": pytest.approx(0.1 * 3660 / 3600, abs=1e-6),
        }  # fmt: skip
        assert made["cost"]["at_most"] == machine["at_most"]
