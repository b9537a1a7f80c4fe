"""Commands about runs in the cloud: what each finds out, and what it is going to do.

The bucket is the truth about such a run. That it is of this pull request, its plan says, which only the
workflow that launches may write.
"""

from __future__ import annotations

from collections.abc import Callable

from runner.errors import NotFoundError, RefusedError
from runner.gitops.commands.again import will_run
from runner.gitops.commands.asked import Answer, Asked
from runner.gitops.commands.port import Carried
from runner.machines.advancing import look_at
from runner.machines.site import Site
from runner.machines.standing import ENDED
from runner.model import Plan
from runner.report import reply
from runner.report.markers import Request
from runner.report.reply import Reply
from runner.report.wording import known_jobs, run_said
from runner.runs.files import tail
from runner.runs.in_bucket import BucketSource
from runner.runs.reading import read
from runner.state import RunPhase, RunState

_LOG_LINES = 100
GoOn = Callable[[str, Plan], Carried]
"""Gives a run another machine, by what the command asks for, and follows it to its end."""


def answer(asked: Asked, site: Site, go_on: GoOn) -> Answer | None:
    """None for a command that is not about one run. Raises RunnerErrors where it cannot be."""
    match asked.command.verb:
        case "cancel":
            return _cancel(asked, site)
        case "logs":
            return _logs(asked, site)
        case "retry" | "resume":
            return _again(asked, site, go_on)
    return None


def _found(asked: Asked, site: Site) -> tuple[BucketSource, Plan, RunState]:
    """A run of this pull request. Raises NotFoundError, StoreError."""
    run_id = asked.command.run_id
    source = BucketSource(site.run(run_id))
    nowhere = NotFoundError(f"there is no run {run_id} here", hint="/runner status lists them")
    try:
        plan, state = read(source)
    except NotFoundError as error:
        raise nowhere from error
    if plan.git.pr != str(asked.pull.number) and plan.git.sha not in asked.commits:
        raise nowhere
    return source, plan, state


def _cancel(asked: Asked, site: Site) -> Answer:
    """Laid down by a name of its own: it counts once, however often it is asked."""
    run_id, job_ids = asked.command.run_id, asked.command.job_ids
    source, _, state = _found(asked, site)
    unknown = [job_id for job_id in job_ids if job_id not in state.jobs]
    if unknown:
        raise NotFoundError(f"run {run_id} has no job {unknown[0]}", hint=known_jobs(state))
    if look_at(run_id, site).standing in ENDED:
        if state.phase is RunPhase.FINISHED:
            raise RefusedError(f"run {run_id} {run_said(state)}", hint="there is nothing to cancel")
        raise RefusedError(
            f"nobody works on run {run_id}: it {run_said(state)}",
            hint=f"/runner resume {run_id} goes on with it",
        )
    body = {"type": "cancel", "job_ids": list(job_ids), "by": asked.by}
    source.request(body, name=f"comment-{asked.comment}")
    return Answer(said=reply.cancelling_in_cloud(run_id, job_ids))


def _logs(asked: Asked, site: Site) -> Answer:
    run_id, (job_id,) = asked.command.run_id, asked.command.job_ids
    source, _, state = _found(asked, site)
    job = state.jobs.get(job_id)
    if job is None:
        raise NotFoundError(f"run {run_id} has no job {job_id}", hint=known_jobs(state))
    if job.last is None:
        raise NotFoundError(f"job {job_id} has no log: it never started")
    lines = tail(source, job_id, job.last.number, _LOG_LINES)
    return Answer(said=reply.log_end_in_cloud(run_id, job_id, job.last.number, lines, str(source)))


def _again(asked: Asked, site: Site, go_on: GoOn) -> Answer:
    kind, run_id, job_ids = asked.command.verb, asked.command.run_id, asked.command.job_ids
    _, plan, state = _found(asked, site)
    chosen = will_run(state, kind, job_ids)
    standing = look_at(run_id, site)
    if standing.standing not in ENDED:
        raise RefusedError(
            f"run {run_id} goes on: {standing.words or 'its machine works on it'}",
            hint=f"/runner cancel {run_id} stops it",
        )
    said = reply.preview(kind, run_id, chosen, len(state.jobs))

    def act() -> Reply:
        carried = go_on(run_id, plan)
        return reply.finished(said, carried.said, ok=carried.ok, headline=carried.headline)

    request = Request(do=kind, run=run_id, on=asked.context.run_id, jobs=job_ids)
    return Answer(said=said, request=request, act=act)
