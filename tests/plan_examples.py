"""Queues for tests of the plan: documented patterns built by hand, and any queue at all for properties."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from runner import plan as plans
from runner.model import RETRY_ON, Git, Job, Machine, Plan, Queue, Retry, Strategy
from tests.builders import job, queue

MINUTE, HOUR = 60.0, 3600.0


def complex_pipeline() -> Queue:
    return queue(
        job("download-data", timeout=30 * MINUTE, retries=5, command="aws s3 sync s3://source/ raw/"),
        job("preprocess-train", "download-data", timeout=HOUR),
        job("preprocess-val", "download-data", timeout=30 * MINUTE),
        job("preprocess-test", "download-data", timeout=30 * MINUTE),
        job("train-model", "preprocess-train", "preprocess-val", timeout=8 * HOUR, environment={"GPU": "0"}),
        job("evaluate", "train-model", "preprocess-test", timeout=HOUR),
        job("export-onnx", "evaluate", timeout=30 * MINUTE),
        job("upload-artifacts", "export-onnx", timeout=15 * MINUTE, retries=5),
        queue_id="complex-pipeline",
        queue_name="complex-pipeline",
    )


def fan(count: int) -> Queue:
    chunks = [f"chunk-{i}" for i in range(count)]
    return queue(job("split"), *(job(name, "split") for name in chunks), job("join", *chunks))


def cleanup_pipeline() -> Queue:
    return queue(
        job("setup", timeout=10 * MINUTE),
        job("process", "setup", timeout=4 * HOUR, on_failure="report", when="params.process"),
        job("lint", timeout=MINUTE, allow_failure=True, priority=3),
        job("report", timeout=MINUTE, secrets={"HOOK": "env:HOOK"}),
        job("cleanup", "process", "lint", timeout=10 * MINUTE, always_run=True, on_failure="report"),
    )


def preview(
    made: Queue, old: Queue | None = None, *, compared: bool = False, slots: int = 2, **fields: Any
) -> plans.Preview:
    return plans.Preview(
        plan=plans.make(made, source="queues/demo.yaml", git=Git(sha="0" * 40), runner_version="0.1.0"),
        facts=plans.analyse(made, slots=slots),
        changes=plans.compare(old, made) if compared or old is not None else None,
        **{"base": "main", **fields},
    )


_texts = st.text(max_size=8)
_names = st.dictionaries(_texts, _texts, max_size=2)
_seconds = st.floats(0, 1e6)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_texts, inner, max_size=2),
    max_leaves=4,
)
_retries = st.builds(
    Retry,
    count=st.integers(0, 12),
    strategy=st.sampled_from(Strategy),
    delay=_seconds,
    max_delay=_seconds,
    jitter=st.floats(0, 1),
    on=st.sets(st.sampled_from(sorted(RETRY_ON))).map(frozenset),
    codes=st.lists(st.integers(0, 255), max_size=3).map(tuple),
    except_codes=st.lists(st.integers(0, 255), max_size=3).map(tuple),
)


@st.composite
def queues(draw: st.DrawFn, *, max_jobs: int = 6) -> Queue:
    """Any queue that validation would let through: unknown texts everywhere, an acyclic graph."""
    count = draw(st.integers(1, max_jobs))
    return draw(
        st.builds(
            Queue,
            queue_id=_texts,
            queue_name=_texts,
            jobs=st.tuples(*(_job(i, count) for i in range(count))),
            timeout=st.none() | _seconds,
            cleanup_timeout=_seconds,
            on_failure=st.sampled_from(["stop", "continue"]),
            max_parallel=st.none() | st.integers(1, 9),
            machine=st.builds(Machine, provider=_texts, options=st.dictionaries(_texts, _values, max_size=2)),
            results=st.none() | _texts,
            params=st.dictionaries(_texts, _values, max_size=3),
            run_on=st.sampled_from(["merge", "manual", "schedule"]),
            schedule=st.lists(_texts, max_size=2).map(tuple),
            concurrency_group=_texts,
            concurrency_policy=st.sampled_from(["wait", "cancel", "reject"]),
            unsupported=st.lists(_texts, max_size=2).map(tuple),
            refused=st.lists(_texts, max_size=2).map(tuple),
        )
    )


def _job(number: int, count: int) -> st.SearchStrategy[Job]:
    earlier = [f"job-{i}" for i in range(number)]
    later = [f"job-{i}" for i in range(number + 1, count)]
    parents = st.lists(st.sampled_from(earlier), unique=True, max_size=3) if earlier else st.just([])
    return st.builds(
        Job,
        job_id=st.just(f"job-{number}"),
        command=_texts | st.lists(_texts, min_size=1, max_size=3).map(tuple),
        shell=st.just(("/bin/bash", "-c")) | st.lists(_texts, max_size=2).map(tuple),
        depends_on=parents.map(tuple),
        timeout=st.none() | _seconds,
        kill_grace=_seconds,
        retry=_retries,
        environment=_names,
        secrets=_names,
        working_directory=_texts,
        result_files=st.lists(_texts, max_size=2).map(tuple),
        result_required=st.booleans(),
        result_when=st.sampled_from(["success", "always"]),
        always_run=st.booleans(),
        on_failure=st.none() | st.sampled_from(later) if later else st.none(),
        allow_failure=st.booleans(),
        when=st.none() | _texts,
        when_gates=st.booleans(),
        deferred=st.lists(_texts, max_size=2).map(tuple),
        reads=st.lists(_texts, max_size=2).map(tuple),
        priority=st.integers(-5, 5),
        keep_processes=st.booleans(),
        description=_texts,
    )


def any_plan() -> st.SearchStrategy[Plan]:
    git = st.builds(Git, sha=_texts, branch=_texts, pr=_texts, actor=_texts)
    return st.builds(Plan, queue=queues(), digest=_texts, source=_texts, git=git, runner_version=_texts)
