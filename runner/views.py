"""What a due job's expressions may see of the run: folded state → evaluation request. Pure."""

from __future__ import annotations

from runner.expressions import JobView, Request
from runner.graph import Graph
from runner.model import Git
from runner.rules import NOT_HELD_BACK
from runner.state import JobState, Phase, RunState


def request(state: RunState, graph: Graph, job_id: str, git: Git) -> Request:
    """The expressions of a job whose turn it is, with the jobs they mention and its direct dependencies."""
    made = state.jobs[job_id].job
    index = graph.index[job_id]
    direct = tuple(graph.ids[i] for i in graph.waits_for[index])
    fields: dict[str, str] = {}
    for name in made.deferred:
        kind, _, rest = name.partition(".")
        if kind == "environment":
            fields[name] = made.environment[rest]
        elif isinstance(made.command, str):
            fields[name] = made.command
        else:
            fields[name] = made.command[int(rest)]
    return Request(
        job_id=job_id,
        when=made.when,
        fields=fields,
        params=state.queue.params,
        git=git,
        jobs={name: view(state.jobs[name]) for name in dict.fromkeys((*made.reads, *direct))},
        direct=direct,
    )


def view(job: JobState) -> JobView:
    """What others may know of a job: status, exit code, outputs of its last ended attempt."""
    ended = job.last_ended
    skipped = job.phase is Phase.SKIPPED
    return JobView(
        status=job.outcome.value if job.outcome is not None else job.phase.value,
        exit_code=ended.exit_code if ended else None,
        outputs=ended.outputs if ended else {},
        held_back=skipped and not any(key in job.because for key in NOT_HELD_BACK),
    )
