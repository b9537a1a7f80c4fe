"""How it is said which machine a run waits for."""

from __future__ import annotations

import pytest

from runner.report.awaited import Awaited
from runner.report.commands import Commands
from runner.report.evidence import Evidence
from runner.report.markdown import text
from tests.builders import START, failed_log, plan

ASKED = Awaited(generation=1, now=START + 82, type="m7i.large", asked_at=START, ends_by=START + 3600)


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (
            Awaited(generation=0, now=START),
            "none is ordered yet: the run waits for its turn, or its launch was",
        ),
        (Awaited(generation=1, now=START), "none was asked for yet; `runner reconcile` goes on with it"),
        (ASKED, "m7i.large, was asked for 1m22s ago and boots; ends by itself about 20"),
    ],
)
def test_words(machine: Awaited, words: str) -> None:
    assert machine.words.startswith(words)


def test_one_that_is_late_and_one_that_has_the_run() -> None:
    made = Awaited(
        generation=2,
        now=START + 1000,
        type="g6.xlarge",
        spot=True,
        instance_id="i-0abc",
        asked_at=START,
        ends_by=START + 7200,
        is_late=True,
    )
    assert made.words.startswith(
        "i-0abc (g6.xlarge (spot)), was asked for 16m40s ago, and has said nothing; `runner reconcile`"
    )


def test_a_report_of_a_run_elsewhere_has_commands_that_find_it() -> None:
    place = "s3://lab/ci/runs/demo-1"
    log = failed_log()
    told = text(plan(log.queue), log.state(), Evidence(), START + 99, place=place)
    assert f"runner retry {place}" in told
    assert f"runner retry {log.state().run_id}" not in told
    assert Commands(place=place).resume("demo-1") == f"runner resume {place}"
