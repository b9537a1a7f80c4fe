"""What must hold for every queue, whatever its jobs do and whenever the runner dies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner import events as e
from runner.model import Job, Queue, Retry
from runner.rules import blocks
from runner.state import CLOSED, Phase, RunPhase, fold
from tests.core.simulation import RUN, End_, World

OUTCOMES = ("succeeded", "succeeded", "succeeded", "failed", "failed", "timed_out", "out_of_memory", "lost")


@st.composite
def queues(draw: st.DrawFn) -> Queue:
    """Random DAGs of up to 12 jobs with every field that steers the scheduler."""
    count = draw(st.integers(1, 12))
    jobs = []
    for i in range(count):
        before = [f"j{k}" for k in range(i)]
        later = [f"j{k}" for k in range(i + 1, count)]
        jobs.append(
            Job(
                job_id=f"j{i}",
                command="true",
                depends_on=tuple(draw(st.lists(st.sampled_from(before), unique=True, max_size=3)))
                if before
                else (),
                on_failure=draw(st.sampled_from([None, None, None, later[-1]])) if later else None,
                timeout=draw(st.sampled_from([None, None, 0.5, 3.0])),
                retry=Retry(count=draw(st.integers(0, 2)), delay=draw(st.sampled_from([0.0, 1.0, 7.0]))),
                always_run=draw(st.sampled_from([False, False, False, True])),
                allow_failure=draw(st.sampled_from([False, False, True])),
                priority=draw(st.integers(-1, 1)),
            )
        )
    return Queue(
        queue_id="queue",
        queue_name="queue",
        jobs=tuple(jobs),
        timeout=draw(st.sampled_from([None, None, 5.0, 30.0])),
        cleanup_timeout=draw(st.sampled_from([1.0, 600.0])),
        on_failure=draw(st.sampled_from(["stop", "continue"])),
    )


@st.composite
def scripts(draw: st.DrawFn) -> dict[tuple[str, int], End_]:
    return draw(
        st.dictionaries(
            st.tuples(st.sampled_from([f"j{i}" for i in range(12)]), st.integers(1, 4)),
            st.builds(
                End_,
                outcome=st.sampled_from(OUTCOMES),
                seconds=st.sampled_from([0.0, 1.0, 1.0, 4.0, 100.0]),
                results=st.booleans(),
                cannot_start=st.sampled_from([False, False, False, True]),
            ),
            max_size=20,
        )
    )


def world(queue: Queue, script: dict[tuple[str, int], End_], parallel: int) -> World:
    return World(queue, lambda job, attempt: script.get((job, attempt), End_()), parallel=parallel)


def check_end(it: World) -> None:
    state = it.state
    assert state.phase is RunPhase.FINISHED
    assert all(job.phase in CLOSED and job.outcome is not None for job in state.jobs.values())
    assert sum(isinstance(event, e.RunFinished) for event in it.log) == 1
    for i, job in enumerate(state.jobs.values()):
        ran = bool(job.attempts)
        handler = i in it.graph.namers
        gated = not (job.job.always_run or handler)
        if ran and gated:
            dependencies = [state.jobs[name] for name in job.job.depends_on]
            assert not any(blocks(dependency) for dependency in dependencies)
        free = sum(a.finished is not None and a.finished.outcome == "lost" for a in job.attempts)
        assert len(job.attempts) <= 1 + job.job.retry.count + free
    lines = e.encode_lines(it.log, RUN)
    assert fold(RUN, it.queue, e.decode_lines(lines)) == state


@pytest.mark.slow
@given(queues(), scripts(), st.integers(1, 4))
@settings(max_examples=300, deadline=None)
def test_every_job_ends_and_none_starts_too_early(
    queue: Queue, script: dict[tuple[str, int], End_], n: int
) -> None:
    it = world(queue, script, n)
    it.run()
    check_end(it)


@given(
    queues(),
    scripts(),
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), max_size=4),
)
@settings(max_examples=300, deadline=None)
def test_crashes_lose_and_repeat_nothing(
    queue: Queue, script: dict[tuple[str, int], End_], n: int, crashes: list[tuple[int, int]]
) -> None:
    """The runner dies after some steps; up to three events of its last batch were not written yet."""
    it = world(queue, script, n)
    for steps, unwritten in crashes:
        it.run(steps=steps) if steps else it.settle()
        if it.state.phase is RunPhase.FINISHED:
            break
        finished = {name for name, job in it.state.jobs.items() if job.phase in CLOSED}
        kept = len(it.log) - unwritten
        it.crash(kept)
        closed_in_log = {n for n, job in it.state.jobs.items() if job.phase in CLOSED}
        assert closed_in_log <= finished
        before = {n: len(it.state.jobs[n].attempts) for n in closed_in_log}
        it.run(steps=1)
        assert {n: len(it.state.jobs[n].attempts) for n in closed_in_log} == before
    if it.state.phase is not RunPhase.FINISHED:
        it.run()
    check_end(it)


@given(queues(), scripts(), st.integers(1, 3), st.lists(st.integers(0, 20), min_size=1, max_size=2))
@settings(max_examples=200, deadline=None)
@pytest.mark.slow
def test_cancelled_runs_end_too(
    queue: Queue, script: dict[tuple[str, int], End_], n: int, moments: list[int]
) -> None:
    it = world(queue, script, n)
    for moment in sorted(moments):
        it.later(float(moment), it.cancel)
    it.run()
    check_end(it)
    if it.state.cancels:
        assert it.state.outcome in ("cancelled", "timed_out")


@given(queues(), scripts(), st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_any_prefix_of_a_log_folds(queue: Queue, script: dict[tuple[str, int], End_], n: int) -> None:
    it = world(queue, script, n)
    it.run()
    for length in range(len(it.log) + 1):
        state = fold(RUN, queue, it.log[:length])
        assert state.seq == length
        assert sum(state.counts.values()) == len(queue.jobs)


@given(queues(), scripts())
@settings(max_examples=100, deadline=None)
def test_a_retry_of_the_failed_ends_as_well(queue: Queue, script: dict[tuple[str, int], End_]) -> None:
    it = world(queue, script, 2)
    it.run()
    roots = {i for i, job in enumerate(it.state.jobs.values()) if job.failed_for_good}
    chosen = tuple(it.graph.ids[i] for i in sorted(it.graph.descendants(roots)))
    if not chosen:
        return
    it.at.clear()
    it.note(e.JobsReset(at=it.now, job_ids=chosen))
    untouched = {n: len(j.attempts) for n, j in it.state.jobs.items() if n not in chosen}
    it.note(e.RunResumed(at=it.now + 5, max_parallel=2))
    it.now += 5
    it.script = lambda job, attempt: End_()
    it.decider = type(it.decider)(it.state, it.graph)
    it.run()
    assert it.state.phase is RunPhase.FINISHED
    assert {n: len(j.attempts) for n, j in it.state.jobs.items() if n not in chosen} == untouched
    assert all(it.state.jobs[name].phase in (Phase.FINISHED, Phase.SKIPPED) for name in chosen)
