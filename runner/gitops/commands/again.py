"""Commands that run jobs: `retry` and `resume` of a run that was kept, `run` of one that was held back."""

from __future__ import annotations

from collections.abc import Sequence

from runner import rules
from runner.errors import NotFoundError, RefusedError, RunnerError
from runner.gitops.artifacts import kept, unpacking
from runner.gitops.artifacts.kept import Kept
from runner.gitops.commands.asked import Answer, Asked
from runner.gitops.commands.port import Performing, Place
from runner.gitops.context import is_commit
from runner.graph import Graph
from runner.report import reply
from runner.report.escaping import code
from runner.report.markers import Request
from runner.report.reply import Reply
from runner.report.wording import known_jobs, run_said
from runner.runs.places import make_home
from runner.runs.reading import read
from runner.state import CLOSED, RunPhase, RunState

_NAMED = 20


def again(asked: Asked, perform: Performing) -> Answer:
    """The run is brought here first, so that what is previewed is what will run."""
    kind, run_id, job_ids = asked.command.verb, asked.command.run_id, asked.command.job_ids
    found = kept.find_run(asked.forge, asked.context, asked.commits, run_id)
    directory = make_home(asked.context.checkout) / run_id
    kept.bring(asked.forge, found, directory)
    try:
        plan, state = read(directory)
        chosen = will_run(state, kind, job_ids)
        if not is_commit(plan.git.sha):
            raise RefusedError(
                f"run {run_id} does not say which commit it is of", hint="merge the queue again"
            )
    except RunnerError:
        unpacking.clear(directory)  # else it would be kept once more, as what this workflow run left
        raise
    said = reply.preview(kind, run_id, chosen, len(state.jobs))
    place = Place(commit=plan.git.sha, head=asked.pull.head_commit, pull=asked.pull.number)

    def act() -> Reply:
        _still(asked, found)
        carried = perform.again(kind, directory, run_id, job_ids, place)
        return reply.finished(said, carried.said, ok=carried.ok, headline=carried.headline)

    request = Request(do=kind, run=run_id, on=asked.context.run_id, jobs=job_ids)
    return Answer(said=said, request=request, act=act)


def _still(asked: Asked, found: Kept) -> None:
    """Nobody went on with the run while it was brought here and our reply was posted."""
    now = kept.find_run(asked.forge, asked.context, asked.commits, found.run_id)
    if (now.workflow_run, now.artifact) != (found.workflow_run, found.artifact):
        raise RefusedError(f"somebody else went on with run {found.run_id}", hint="look, then ask again")


def will_run(state: RunState, kind: str, job_ids: Sequence[str]) -> tuple[str, ...]:
    """The jobs that `retry` or `resume` would run now, in the order of the file. Raises where none would."""
    unknown = [job for job in job_ids if job not in state.jobs]
    if unknown:
        raise NotFoundError(
            f"run {state.run_id} has no job {', '.join(unknown[:_NAMED])}", hint=known_jobs(state)
        )
    if kind == "resume" and state.phase is RunPhase.FINISHED:
        raise RefusedError(
            f"run {state.run_id} {run_said(state)}: there is nothing to go on with",
            hint=f"/runner retry {state.run_id} runs again what did not succeed",
        )
    reset = rules.to_reset(state, Graph.of(state.queue), job_ids) if kind == "retry" else ()
    chosen = {*reset, *(name for name, job in state.jobs.items() if job.phase not in CLOSED)}
    if not chosen:
        raise RefusedError(
            f"run {state.run_id} has no job to run again: it {run_said(state)}",
            hint="name the jobs that shall run again all the same",
        )
    return tuple(name for name in state.jobs if name in chosen)


def refused(asked: Asked, perform: Performing) -> Answer:
    if not asked.pull.is_merged:
        raise RefusedError("this pull request is not merged yet", hint="its queues run when it is")
    digest = asked.command.digest
    said = Reply(headline="🚀 Starts what was held back", facts=(f"Plan {code(digest)}",))

    def act() -> Reply:
        carried = perform.refused(asked.pull, digest)
        return reply.finished(said, carried.said, ok=carried.ok, headline=carried.headline)

    request = Request(do="run", run=digest.removeprefix("sha256:"), on=asked.context.run_id)
    return Answer(said=said, request=request, act=act)
