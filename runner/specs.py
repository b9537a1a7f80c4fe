"""From a due job to an attempt that is ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner import rules
from runner.graph import Graph
from runner.model import Git
from runner.ports import Spec
from runner.secrets import Given, expand
from runner.state import JobState, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run lives: its directory, the checkout jobs run in, and what jobs get from outside.

    `uid`: of the user that jobs are, where that is another than ours.
    """

    directory: Path
    checkout: Path
    given: Mapping[str, Given] = field(default_factory=dict, repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    git: Git = field(default_factory=Git)
    uid: int | None = None


def handle(run_id: str, job_id: str, attempt: int) -> str:
    return f"{run_id}/{job_id}/{attempt}"


def attempt_directory(run_directory: Path, job_id: str, attempt: int) -> str:
    return f"{run_directory}/jobs/{job_id}/{attempt}"


def run_environment(state: RunState, state_directory: Path) -> dict[str, str]:
    """What every job of a run sees alike."""
    return {
        "RUNNER_QUEUE_ID": state.queue.queue_id,
        "RUNNER_RUN_ID": state.run_id,
        "RUNNER_STATE_DIR": str(state_directory),
        "QUEUE_ID": state.queue.queue_id,
    }


def spec(state: RunState, graph: Graph, place: Place, job: JobState, attempt: int) -> Spec:
    """The attempt, with its rendered fields, environment and secrets. `attempt` is its number."""
    made = job.job
    directory = attempt_directory(place.directory, made.job_id, attempt)
    given = place.given.get(made.job_id)
    number = str(attempt)
    environment = {
        "RUNNER_JOB_ID": made.job_id,
        "RUNNER_ATTEMPT": number,
        "RUNNER_OUTPUT": directory + "/output",
        "RUNNER_SUMMARY": directory + "/summary.md",
        "RUNNER_RESULT_DIR": directory + "/results",
        "JOB_ID": made.job_id,
        "JOB_ATTEMPT": number,
    }
    index = graph.index[made.job_id]
    if index in graph.namers:
        environment["RUNNER_FAILED_JOBS"] = " ".join(rules.failed_namers(state, graph, index))
    environment.update(given.environment if given else made.environment)
    if job.evaluated is not None and job.evaluated.values:
        environment.update(_evaluated_environment(job, given, place))
    if given:
        environment.update(given.secrets)
    return Spec(
        handle=handle(state.run_id, made.job_id, attempt),
        job_id=made.job_id,
        attempt=attempt,
        command=_command(job),
        shell=made.shell,
        working_directory=str(place.checkout / made.working_directory),
        environment=environment,
        directory=directory,
        kill_grace=made.kill_grace,
        keep_processes=made.keep_processes,
        stores_results=bool(made.result_files),
        masks=given.masks if given else (),
    )


def _evaluated_environment(job: JobState, given: Given | None, place: Place) -> dict[str, str]:
    values = job.evaluated.values if job.evaluated else {}
    names = {**place.environ, **(given.secrets if given else {})}
    prefix = "environment."
    return {
        name.removeprefix(prefix): expand(value, names)
        if "${" in job.job.environment[name[len(prefix) :]]
        else value
        for name, value in values.items()
        if name.startswith(prefix)
    }


def _command(job: JobState) -> str | tuple[str, ...]:
    made, values = job.job, job.evaluated.values if job.evaluated else {}
    if isinstance(made.command, str):
        return values.get("command", made.command)
    return tuple(values.get(f"command.{i}", word) for i, word in enumerate(made.command))
