"""Two versions of a queue, compared by what they mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given

from runner.model import Job, Machine, Queue, Retry, Strategy
from runner.plan import Changes, FieldChange, JobChange, Renamed, compare
from tests.builders import job, queue
from tests.measuring import at_most
from tests.plan_examples import complex_pipeline, queues

BASE = queue(
    job("a", timeout=60.0, environment={"KEY": "one", "MODE": "fast"}, secrets={"S": "ssm:/old"}),
    job("b", "a", command="echo b"),
    job("c", "a", "b"),
)


def edited(job_id: str, change: Callable[[Job], Job], made: Queue = BASE) -> Queue:
    return replace(made, jobs=tuple(change(j) if j.job_id == job_id else j for j in made.jobs))


@given(made=queues())
@pytest.mark.slow
def test_nothing_changes_between_a_queue_and_itself(made: Queue) -> None:
    assert compare(made, made).none


def test_a_new_queue_is_created() -> None:
    assert compare(None, BASE) == Changes(created=True)
    assert not compare(None, BASE).none


def test_the_order_of_dependencies_and_names_means_nothing() -> None:
    turned = edited("c", lambda j: replace(j, depends_on=("b", "a")))
    turned = edited("a", lambda j: replace(j, environment=dict(reversed(j.environment.items()))), turned)
    assert compare(BASE, turned).none


def test_added_and_removed() -> None:
    new = queue(*BASE.jobs[:2], job("d", "b", command="something else"))
    changes = compare(BASE, new)
    assert (changes.added, changes.removed, changes.renamed) == (("d",), ("c",), ())


def test_changed_fields_have_old_and_new() -> None:
    new = edited("a", lambda j: replace(j, timeout=90.0, retry=Retry(count=2), working_directory="sub"))
    assert compare(BASE, new).changed == (
        JobChange(
            job_id="a",
            fields=(
                FieldChange(field="timeout", old="1m", new="1m30s"),
                FieldChange(field="retry", old="1 attempt", new="3 attempts, waits 1s 2s"),
                FieldChange(field="working_directory", new="sub"),
            ),
        ),
    )


def test_every_part_of_retry_is_told() -> None:
    full = Retry(
        count=2, strategy=Strategy.FIXED, delay=3.0, on=frozenset({"exit"}), codes=(1, 2), except_codes=(3,)
    )
    fields = compare(BASE, edited("b", lambda j: replace(j, retry=full))).changed[0].fields
    assert [field.new or field.diff for field in fields] == [
        (
            "@@ -1 +1 @@\n-1 attempt\n"
            "+3 attempts, waits 3s × 2, on exit, for exit codes 1 2, not for exit codes 3"
        )
    ]


def test_a_job_that_only_waits_for_others_now_is_reparented() -> None:
    changes = compare(BASE, edited("c", lambda j: replace(j, depends_on=("b",))))
    assert changes.changed == ()
    field = FieldChange(field="depends_on", old="a, b", new="b")
    assert changes.reparented == (JobChange(job_id="c", fields=(field,)),)


def test_a_job_that_changed_in_other_ways_too_is_changed() -> None:
    changes = compare(BASE, edited("c", lambda j: replace(j, depends_on=("b",), command="x")))
    assert changes.reparented == ()
    assert [field.field for field in changes.changed[0].fields] == ["command", "depends_on"]


def test_a_renamed_job_is_renamed_and_its_dependents_stay_unchanged() -> None:
    new = queue(*(BASE.jobs[0], job("bee", "a", command="echo b"), job("c", "bee", "a")))
    assert compare(BASE, new) == Changes(renamed=(Renamed(old="b", new="bee"),))


def test_a_chain_of_renames_and_a_renamed_handler_are_followed() -> None:
    old = queue(job("a", command="1", on_failure="h"), job("b", "a", command="2"), job("h", command="3"))
    new = queue(job("a2", command="1", on_failure="h2"), job("b2", "a2", command="2"), job("h2", command="3"))
    changes = compare(old, new)
    assert changes == Changes(renamed=tuple(Renamed(old=i, new=f"{i}2") for i in ("a", "b", "h")))


def test_a_renamed_job_that_changed_too_is_added_and_removed() -> None:
    new = queue(BASE.jobs[0], job("bee", "a", command="echo other"), job("c", "bee", "a"))
    changes = compare(BASE, new)
    assert (changes.added, changes.removed, changes.renamed) == (("bee",), ("b",), ())
    assert [change.job_id for change in changes.reparented] == ["c"]


def test_fields_of_the_queue() -> None:
    new = replace(
        BASE,
        timeout=3600.0,
        on_failure="continue",
        machine=Machine(provider="ec2", options={"type": "m7i.large"}),
        params={"size": 3, "api_token": "hunter2"},
        concurrency_group="deploy",
        concurrency_policy="reject",
    )
    assert compare(BASE, new).queue == (
        FieldChange(field="timeout", new="1h"),
        FieldChange(field="on_failure", old="stop", new="continue"),
        FieldChange(field="machine.provider", old="local", new="ec2"),
        FieldChange(field="machine.type", new="m7i.large"),
        FieldChange(field="params.size", new="3"),
        FieldChange(field="params.api_token", new="set", hidden=True),
        FieldChange(field="concurrency.group", new="deploy"),
        FieldChange(field="concurrency.policy", old="wait", new="reject"),
    )


def test_values_of_the_environment_are_never_shown() -> None:
    new = edited("a", lambda j: replace(j, environment={"KEY": "hunter2", "NEW": "hunter3"}))
    changes = compare(BASE, new)
    assert changes.changed[0].fields == (
        FieldChange(field="environment.KEY", old="set", new="set", hidden=True),
        FieldChange(field="environment.MODE", old="set", hidden=True),
        FieldChange(field="environment.NEW", new="set", hidden=True),
    )
    assert "hunter" not in repr(changes)
    assert "fast" not in repr(changes)


def test_of_a_secret_the_reference_is_shown() -> None:
    new = edited("a", lambda j: replace(j, secrets={"S": "ssm:/new"}))
    assert compare(BASE, new).changed[0].fields == (
        FieldChange(field="secrets.S", old="ssm:/old", new="ssm:/new"),
    )


def test_a_long_command_is_a_short_diff() -> None:
    lines = [f"echo {i}" for i in range(50)]
    old = edited("b", lambda j: replace(j, command="\n".join(lines)))
    lines[20] = "echo changed"
    new = edited("b", lambda j: replace(j, command="\n".join(lines)))
    (field,) = compare(old, new).changed[0].fields
    assert field.diff == (
        "@@ -19,5 +19,5 @@\n echo 18\n echo 19\n-echo 20\n+echo changed\n echo 21\n echo 22"
    )


def test_a_diff_is_short_whatever_the_text() -> None:
    old = edited("b", lambda j: replace(j, command="\n".join(f"old {i}" for i in range(300))))
    new = edited("b", lambda j: replace(j, command="\n".join("new" * 1000 for i in range(300))))
    (field,) = compare(old, new).changed[0].fields
    assert field.diff.endswith("… 577 more lines")
    assert len(field.diff) < 25 * 201


def test_huge_texts_are_counted_not_compared() -> None:
    old = edited("b", lambda j: replace(j, command="x\n" * 100_000))
    new = edited("b", lambda j: replace(j, command="y\n" * 200_000))
    with at_most(yards=10):
        (field,) = compare(old, new).changed[0].fields
    assert field.diff == "100000 lines became 200000"


def test_a_long_text_that_appears_is_cut() -> None:
    new = edited("b", lambda j: replace(j, description="x" * 100, when="a\nb"))
    fields = {field.field: field.new for field in compare(BASE, new).changed[0].fields}
    assert fields == {"description": "x" * 60 + "… (100 characters)", "when": "a … (2 lines)"}


def test_another_order_of_the_jobs_is_told_since_ties_go_by_it() -> None:
    assert compare(BASE, replace(BASE, jobs=BASE.jobs[::-1])) == Changes(reordered=True)
    added_in_between = replace(BASE, jobs=(BASE.jobs[0], job("x"), *BASE.jobs[1:]))
    assert compare(BASE, added_in_between) == Changes(added=("x",))


def test_what_follows_from_other_fields_is_not_told() -> None:
    new = edited("b", lambda j: replace(j, deferred=("command",), reads=("a",), when_gates=True))
    assert compare(BASE, new).none


def test_ten_thousand_renamed_jobs_are_found_quickly() -> None:
    old = queue(*(job(f"j{i}", *([f"j{i - 1}"] if i else []), command=f"echo {i}") for i in range(10_000)))
    new = queue(*(job(f"k{i}", *([f"k{i - 1}"] if i else []), command=f"echo {i}") for i in range(10_000)))
    with at_most(yards=60):
        changes = compare(old, new)
    assert len(changes.renamed) == 10_000


def test_a_real_edit() -> None:
    new = edited("train-model", lambda j: replace(j, environment={}), complex_pipeline())
    assert [change.job_id for change in compare(complex_pipeline(), new).changed] == ["train-model"]
