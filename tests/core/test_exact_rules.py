"""Each line of "Exact rules" that the pure core decides, as a test of its name. Virtual time."""

from __future__ import annotations

import pytest

from runner import events as e
from runner import rules
from runner.graph import Graph
from runner.model import Job, Queue, Retry, Strategy
from runner.state import Phase, RunState
from tests.core.simulation import BEGIN, End_, World


def queue(*jobs: Job, **fields: object) -> Queue:
    return Queue(queue_id="queue", queue_name="queue", jobs=jobs, **fields)  # type: ignore[arg-type]


def job(name: str, *after: str, **fields: object) -> Job:
    return Job(job_id=name, command="true", depends_on=after, **fields)  # type: ignore[arg-type]


def fails(*names: str, seconds: float = 1.0, outcome: str = "failed"):  # type: ignore[no-untyped-def]
    return lambda name, attempt: End_(outcome if name in names else "succeeded", seconds)


def ran(world: World) -> dict[str, str]:
    world.run()
    return world.outcomes()


# -- Graph


def test_graph_handler_edges_count_for_cycles() -> None:
    with pytest.raises(ValueError, match="circle"):
        Graph.of(queue(job("a", on_failure=None), job("b", "a", on_failure="a")))


# -- Gate


def test_gate_only_direct_dependencies_count() -> None:
    """c hangs on b alone; b is skipped by its own `when`, so a's failure does not reach c."""
    made = queue(
        job("a"),
        job("b", "a", when="always() and false", when_gates=True),
        job("c", "b"),
        on_failure="continue",
    )
    world = World(
        made,
        fails("a"),
        answer=lambda state, name: e.ExpressionEvaluated(at=state.last_at, job_id=name, when=False),
    )
    assert ran(world) == {"a": "failed", "b": "skipped", "c": "succeeded"}


def test_gate_a_skipped_dependency_blocks() -> None:
    world = World(queue(job("a"), job("b", "a"), job("c", "b"), on_failure="continue"), fails("a"))
    assert ran(world) == {"a": "failed", "b": "skipped", "c": "skipped"}
    assert world.because("b") == {"job": "a"}
    assert world.because("c") == {"job": "b"}


def test_gate_a_handler_that_was_not_needed_does_not_block() -> None:
    world = World(queue(job("a", on_failure="h"), job("h"), job("b", "h")))
    assert ran(world) == {"a": "succeeded", "h": "skipped", "b": "succeeded"}
    assert world.because("h") == {"handler": "not needed"}


def test_gate_allow_failure_does_not_block() -> None:
    world = World(queue(job("a", allow_failure=True), job("b", "a")), fails("a"))
    assert ran(world) == {"a": "failed", "b": "succeeded"}
    assert world.state.outcome == "succeeded"


# -- Failed for good


@pytest.mark.parametrize("outcome", ["failed", "timed_out", "out_of_memory"])
def test_failed_for_good_triggers_stop_and_handlers(outcome: str) -> None:
    made = queue(job("a", on_failure="h"), job("h"), job("b"), job("c", "b"))
    world = World(
        made, lambda name, _: End_(outcome if name == "a" else "succeeded", 1 if name == "a" else 2)
    )
    assert ran(world) == {"a": outcome, "h": "succeeded", "b": "succeeded", "c": "skipped"}
    assert world.because("c") == {"stop": "a"}


def test_failed_for_good_lost_only_beyond_its_cap() -> None:
    world = World(queue(job("a")), fails("a", outcome="lost"))
    assert ran(world) == {"a": "lost"}
    assert len(world.state.jobs["a"].attempts) == 4
    assert world.state.jobs["a"].retries == 0


def test_failed_for_good_lost_runs_again_without_using_a_retry() -> None:
    world = World(
        queue(job("a", retry=Retry(count=1))),
        lambda _, n: End_(["lost", "failed", "lost", "succeeded"][n - 1]),
    )
    assert ran(world) == {"a": "succeeded"}


def test_failed_for_good_cancelled_blocks_but_triggers_neither_stop_nor_handlers() -> None:
    made = queue(job("a", on_failure="h"), job("h"), job("b", "a"), job("c"), job("d", "c"))
    world = World(made, lambda name, _: End_(seconds=50 if name == "a" else 20))
    world.later(1, lambda: world.cancel("a"))
    assert ran(world) == {
        "a": "cancelled",
        "h": "skipped",
        "b": "skipped",
        "c": "succeeded",
        "d": "succeeded",
    }
    assert world.because("b") == {"job": "a"}


def test_failed_for_good_allow_failure_never_triggers_stop() -> None:
    world = World(queue(job("a", allow_failure=True), job("b"), job("c", "b")), fails("a"), parallel=1)
    assert ran(world) == {"a": "failed", "b": "succeeded", "c": "succeeded"}


# -- Handler


def test_handler_runs_once_after_all_that_name_it() -> None:
    made = queue(job("a", on_failure="h"), job("b", on_failure="h"), job("h"), on_failure="continue")
    world = World(
        made, lambda name, _: End_("failed" if name != "h" else "succeeded", 9 if name == "b" else 1)
    )
    world.run()
    assert world.order().count("h") == 1
    assert world.state.jobs["h"].attempts[0].started_at == BEGIN + 9


def test_handler_waits_for_its_own_dependencies_however_they_end() -> None:
    made = queue(job("a", on_failure="h"), job("b"), job("h", "b"), on_failure="continue")
    world = World(
        made, lambda name, _: End_("failed" if name != "h" else "succeeded", 9 if name == "b" else 1)
    )
    assert ran(world)["h"] == "succeeded"
    assert world.state.jobs["h"].attempts[0].started_at == BEGIN + 9


def test_handler_runs_for_a_failure_that_is_allowed() -> None:
    world = World(queue(job("a", on_failure="h", allow_failure=True), job("h")), fails("a"))
    assert ran(world) == {"a": "failed", "h": "succeeded"}
    assert world.state.outcome == "succeeded"


def test_handler_success_never_heals_the_run() -> None:
    world = World(queue(job("a", on_failure="h"), job("h")), fails("a"))
    world.run()
    assert world.state.outcome == "failed"


def test_handler_failure_fails_the_run() -> None:
    world = World(queue(job("a", on_failure="h", allow_failure=True), job("h")), fails("a", "h"))
    world.run()
    assert world.state.outcome == "failed"


def test_handler_own_retries_apply() -> None:
    made = queue(job("a", on_failure="h"), job("h", retry=Retry(count=1)))
    world = World(made, lambda name, n: End_("failed" if name == "a" or n == 1 else "succeeded"))
    assert ran(world) == {"a": "failed", "h": "succeeded"}


def test_handler_that_always_runs_runs_once_whatever_happened() -> None:
    for failing in ((), ("a",)):
        made = queue(job("a", on_failure="z"), job("z", "a", always_run=True))
        world = World(made, fails(*failing))
        assert ran(world)["z"] == "succeeded"
        assert world.order().count("z") == 1
        assert world.state.outcome == ("failed" if failing else "succeeded")


def test_handler_is_told_which_jobs_failed() -> None:
    made = queue(job("a", on_failure="h"), job("b", on_failure="h"), job("h"), on_failure="continue")
    world = World(made, fails("b"))
    world.run()
    assert rules.failed_namers(world.state, world.graph, 2) == ("b",)


# -- stop


def test_stop_skips_pending_ordinary_jobs_and_lets_running_ones_finish() -> None:
    made = queue(job("a"), job("b"), job("c", "b"), job("z", "c", always_run=True))
    world = World(
        made, lambda name, _: End_("failed" if name == "a" else "succeeded", 1 if name == "a" else 5)
    )
    assert ran(world) == {"a": "failed", "b": "succeeded", "c": "skipped", "z": "succeeded"}
    assert world.because("c") == {"stop": "a"}


def test_stop_a_job_that_is_backing_off_ends_with_its_last_outcome() -> None:
    made = queue(job("a"), job("b", retry=Retry(count=3, delay=100, strategy=Strategy.FIXED)))
    world = World(
        made, lambda name, _: End_("timed_out" if name == "b" else "failed", 1 if name == "b" else 5)
    )
    assert ran(world) == {"a": "failed", "b": "timed_out"}
    assert world.now < BEGIN + 10


def test_stop_no_new_attempts_of_what_still_runs() -> None:
    made = queue(job("a"), job("b", retry=Retry(count=3, delay=1)))
    world = World(made, lambda name, _: End_("failed", 1 if name == "a" else 5))
    world.run()
    assert world.order() == ["a", "b"]


def test_stop_always_run_and_handlers_keep_their_retries() -> None:
    made = queue(
        job("a", on_failure="h"),
        job("h", retry=Retry(count=1)),
        job("z", "a", always_run=True, retry=Retry(count=1)),
    )
    world = World(made, lambda name, n: End_("failed" if name == "a" or n == 1 else "succeeded"))
    assert ran(world) == {"a": "failed", "h": "succeeded", "z": "succeeded"}


def test_continue_goes_on_with_branches_that_do_not_depend_on_the_failure() -> None:
    world = World(queue(job("a"), job("b", "a"), job("c"), job("d", "c"), on_failure="continue"), fails("a"))
    assert ran(world) == {"a": "failed", "b": "skipped", "c": "succeeded", "d": "succeeded"}


# -- when


def _saying(value: bool | None, error: str = ""):  # type: ignore[no-untyped-def]
    return lambda state, name: e.ExpressionEvaluated(at=state.last_at, job_id=name, when=value, error=error)


def test_when_is_evaluated_after_the_gate() -> None:
    """b's gate is closed, so its `when` is never asked (there is nobody to answer)."""
    world = World(queue(job("a"), job("b", "a", when="params.x"), on_failure="continue"), fails("a"))
    assert ran(world) == {"a": "failed", "b": "skipped"}
    assert world.because("b") == {"job": "a"}


def test_when_that_reads_a_status_replaces_the_gate() -> None:
    made = queue(job("a"), job("b", "a", when="failed()", when_gates=True), on_failure="continue")
    assert ran(World(made, fails("a"), answer=_saying(True))) == {"a": "failed", "b": "succeeded"}


def test_when_overrides_stop_only_with_always_run() -> None:
    made = queue(
        job("a"),
        job("b", "a", when="always()", when_gates=True),
        job("c", "a", when="always()", when_gates=True, always_run=True),
    )
    assert ran(World(made, fails("a"), answer=_saying(True))) == {
        "a": "failed",
        "b": "skipped",
        "c": "succeeded",
    }


def test_when_an_error_in_it_is_a_failure_without_an_attempt() -> None:
    world = World(queue(job("a", when="jobs.x"), job("b", "a")), answer=_saying(None, "no such job"))
    assert ran(world) == {"a": "failed", "b": "skipped"}
    assert world.order() == []
    assert world.state.jobs["a"].reason == "no such job"


def test_when_false_skips_without_holding_back_dependents() -> None:
    world = World(queue(job("a", when="params.x"), job("b", "a")), answer=_saying(False))
    assert ran(world) == {"a": "skipped", "b": "succeeded"}
    assert world.because("a") == {"when": "params.x"}
    assert world.state.outcome == "succeeded"


# -- The queue's timeout


def test_queue_timeout_ends_running_jobs_as_timed_out_without_retry() -> None:
    made = queue(job("a", retry=Retry(count=5)), job("b", "a"), job("z", "b", always_run=True), timeout=10.0)
    world = World(made, lambda name, _: End_(seconds=100 if name == "a" else 1))
    assert ran(world) == {"a": "timed_out", "b": "skipped", "z": "succeeded"}
    assert world.state.outcome == "timed_out"
    assert world.order() == ["a", "z"]


def test_queue_timeout_handlers_run_within_cleanup_timeout() -> None:
    made = queue(job("a", on_failure="h"), job("h"), timeout=10.0, cleanup_timeout=5.0)
    world = World(made, lambda name, _: End_(seconds=100))
    assert ran(world) == {"a": "timed_out", "h": "timed_out"}
    assert world.now < BEGIN + 17


def test_queue_timeout_counts_only_time_in_which_a_runner_lives() -> None:
    made = queue(job("a"), job("b", "a"), timeout=10.0)
    world = World(made, lambda name, _: End_(seconds=4))
    world.run(steps=1)
    world.crash()  # a thousand seconds pass
    assert ran(world) == {"a": "succeeded", "b": "succeeded"}


def test_queue_timeout_time_before_the_crash_counts() -> None:
    made = queue(job("a"), job("b", "a"), timeout=6.0)
    world = World(made, lambda name, _: End_(seconds=4))
    world.run(steps=1)
    world.crash()
    assert ran(world) == {"a": "succeeded", "b": "timed_out"}


# -- cancel


def test_cancel_ends_running_skips_pending_runs_always_run_but_no_handler() -> None:
    made = queue(job("a", on_failure="h"), job("h"), job("b", "a"), job("z", "b", always_run=True))
    world = World(made, lambda name, _: End_(seconds=50 if name == "a" else 1))
    world.later(5, world.cancel)
    assert ran(world) == {"a": "cancelled", "h": "skipped", "b": "skipped", "z": "succeeded"}
    assert world.state.outcome == "cancelled"


def test_cancel_leaves_cleanup_that_runs_alone() -> None:
    made = queue(job("a"), job("z", "a", always_run=True))
    world = World(made, lambda name, _: End_(seconds=50 if name == "z" else 1))
    world.later(5, world.cancel)
    assert ran(world) == {"a": "succeeded", "z": "succeeded"}


def test_cancel_a_second_time_ends_all() -> None:
    made = queue(job("a"), job("z", "a", always_run=True))
    world = World(made, lambda name, _: End_(seconds=50))
    world.later(5, world.cancel)
    world.later(10, world.cancel)
    assert ran(world) == {"a": "cancelled", "z": "cancelled"}
    assert world.now < BEGIN + 12


def test_cancel_of_jobs_cancels_those() -> None:
    made = queue(job("a"), job("b"), job("c", "b"), job("d"))
    world = World(made, lambda name, _: End_(seconds=50), parallel=2)
    world.later(5, lambda: world.cancel("a", "d"))
    assert ran(world) == {"a": "cancelled", "b": "succeeded", "c": "succeeded", "d": "cancelled"}
    assert world.order().count("d") == 0


# -- SIGINT, SIGTERM · crash rules


def test_interrupted_attempts_do_not_count_against_the_cap() -> None:
    world = World(queue(job("a")), lambda *_: End_(seconds=50))
    for _ in range(8):
        world.settle()
        world.crash()
    assert ran(world) == {"a": "succeeded"}
    assert len(world.state.jobs["a"].attempts) == 9


def test_crash_while_stopping_lets_what_ran_run_again() -> None:
    made = queue(job("a"), job("b"))
    world = World(
        made, lambda name, n: End_("failed" if name == "a" else "succeeded", 1 if name == "a" else 50)
    )
    world.run(steps=1)
    assert world.outcomes()["a"] == "failed"
    world.crash()
    assert ran(world) == {"a": "failed", "b": "succeeded"}


def test_crash_while_cancelling_does_not_start_anything_again() -> None:
    world = World(queue(job("a"), job("b")), lambda *_: End_(seconds=50))
    world.settle()
    world.cancel()
    world.crash()
    assert ran(world) == {"a": "cancelled", "b": "cancelled"}
    assert sorted(world.order()) == ["a", "b"]


def test_a_cancelled_run_gives_one_reason_live_and_after_a_crash() -> None:
    because = []
    for crashes in (False, True):
        made = queue(job("a", on_failure="h"), job("b", "a"), job("h"), job("z", "b", always_run=True))
        world = World(made, lambda *_: End_(seconds=50))
        world.settle()
        if crashes:
            world.crash()
        world.cancel()
        assert ran(world) == {"a": "cancelled", "b": "skipped", "h": "skipped", "z": "succeeded"}
        because.append({name: world.state.jobs[name].because for name in "bh"})
    assert because[0] == because[1] == {"b": {"cancel": "someone"}, "h": {"cancel": "someone"}}


# -- retry


def _reset(state: RunState, *names: str) -> tuple[str, ...]:
    return rules.to_reset(state, Graph.of(state.queue), names)


def test_retry_resets_failed_and_stop_skipped_jobs_and_all_descendants() -> None:
    made = queue(
        job("ok"),
        job("bad"),
        job("child", "bad"),
        job("stopped", "ok"),
        job("z", "child", "ok", always_run=True),
    )
    world = World(
        made, lambda name, _: End_("failed" if name == "bad" else "succeeded", 3 if name == "ok" else 1)
    )
    assert ran(world)["z"] == "succeeded"
    assert _reset(world.state) == ("bad", "child", "stopped", "z")


def test_retry_of_named_jobs_resets_those_and_their_descendants() -> None:
    world = World(queue(job("a"), job("b", "a"), job("c")))
    world.run()
    assert _reset(world.state, "a") == ("a", "b")


def test_retry_attempt_numbers_go_on_and_budgets_are_fresh() -> None:
    made = queue(job("a", retry=Retry(count=1)), timeout=10.0)
    world = World(made, lambda _, n: End_("failed" if n < 4 else "succeeded", 3))
    assert ran(world) == {"a": "failed"}
    world.note(e.JobsReset(at=world.now, job_ids=("a",)))
    world.note(e.RunResumed(at=world.now + 100, max_parallel=4))
    world.now += 100
    world.decider = type(world.decider)(world.state, world.graph)
    assert ran(world) == {"a": "succeeded"}
    assert [a.number for a in world.state.jobs["a"].attempts] == [1, 2, 3, 4]
    assert world.state.outcome == "succeeded"


# -- Back-off


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        (Retry(count=5, delay=1.0), [1, 2, 4, 8, 16]),
        (Retry(count=3, delay=30.0, strategy=Strategy.FIXED), [30, 30, 30]),
        (Retry(count=10, delay=100.0), [100, 200, 300, 300, 300, 300, 300, 300, 300, 300]),
    ],
)
def test_backoff_waits_and_is_capped(retry: Retry, waits: list[float]) -> None:
    world = World(queue(job("a", retry=retry)), fails("a"))
    world.run()
    assert [event.delay for event in world.log if isinstance(event, e.JobRetrying)] == waits
    assert world.now == BEGIN + sum(waits) + len(waits) + 1


def test_backoff_jitter_is_a_factor_and_the_same_in_every_replay() -> None:
    retry = Retry(count=1, delay=10.0, strategy=Strategy.EXPONENTIAL_JITTER, jitter=0.5)
    found = [rules.delay(retry, 1, f"run/job/{n}") for n in range(200)]
    assert found == [rules.delay(retry, 1, f"run/job/{n}") for n in range(200)]
    assert min(found) >= 5
    assert max(found) <= 15
    assert max(found) - min(found) > 5


def test_backoff_jitter_spreads_at_the_cap_too() -> None:
    retry = Retry(count=20, delay=10.0, max_delay=20.0, strategy=Strategy.EXPONENTIAL_JITTER, jitter=0.5)
    found = [rules.delay(retry, 15, f"run/job/{n}") for n in range(200)]
    assert max(found) == 20
    assert min(found) < 12


def test_backoff_a_waiting_retry_holds_no_slot() -> None:
    made = queue(job("a", retry=Retry(count=1, delay=50.0)), job("b"), job("c"))
    world = World(made, lambda name, n: End_("failed" if name == "a" and n == 1 else "succeeded"), parallel=1)
    world.run()
    assert world.order() == ["a", "b", "c", "a"]


def test_retry_by_exit_code() -> None:
    made = queue(
        job("only", retry=Retry(count=3, codes=(75,))),
        job("never", retry=Retry(count=3, codes=(1, 2), except_codes=(2,))),
        on_failure="continue",
    )
    world = World(made, lambda name, n: End_("failed", exit_code=2 if name == "never" or n == 2 else 75))
    world.run()
    assert [a.number for a in world.state.jobs["only"].attempts] == [1, 2]
    assert [a.number for a in world.state.jobs["never"].attempts] == [1]


def test_retry_only_on_the_kinds_named() -> None:
    made = queue(job("a", retry=Retry(count=3, on=frozenset({"timeout"}))))
    world = World(made, lambda _, n: End_("timed_out" if n < 3 else "failed"))
    assert ran(world) == {"a": "failed"}
    assert len(world.state.jobs["a"].attempts) == 3


# -- Cannot start


def test_cannot_start_is_not_retried() -> None:
    made = queue(job("a", retry=Retry(count=5)))
    world = World(made, lambda *_: End_("failed", cannot_start=True))
    assert ran(world) == {"a": "failed"}
    assert len(world.state.jobs["a"].attempts) == 1


# -- results, order


def test_results_are_stored_before_dependents_start() -> None:
    world = World(queue(job("a"), job("b", "a")), lambda name, _: End_(results=name == "a"))
    world.run()
    kinds = [(event.type, getattr(event, "job_id", "")) for event in world.log]
    assert kinds.index(("results_stored", "a")) < kinds.index(("attempt_started", "b"))


def test_a_required_result_that_is_missing_is_a_failure() -> None:
    made = queue(job("a", result_files=("x",), result_required=True, retry=Retry(count=1)))
    world = World(made, lambda *_: End_(results=True, missing=("x",)))
    assert ran(world) == {"a": "failed"}
    assert world.state.jobs["a"].reason == "no file matches x"
    assert len(world.state.jobs["a"].attempts) == 2


def test_priority_then_the_longest_way_then_the_order_of_the_file() -> None:
    made = queue(
        job("plain"), job("long"), job("tail", "long"), job("late", priority=5), job("low", priority=-1)
    )
    world = World(made, parallel=1)
    world.run()
    assert world.order() == ["late", "long", "plain", "tail", "low"]


def test_a_job_that_never_ran_is_not_running_after_its_run() -> None:
    world = World(queue(job("a"), job("b", "a")), fails("a"))
    world.run()
    assert world.state.counts[Phase.RUNNING] == 0
    assert world.state.open_jobs == 0
