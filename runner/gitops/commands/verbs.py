"""What each command finds out, and what it is going to do. Only `Answer.act` changes anything."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from runner.errors import NotFoundError, RefusedError
from runner.gitops.artifacts import kept
from runner.gitops.artifacts.kept import Shown
from runner.gitops.commands import again, planning
from runner.gitops.commands.asked import Answer, Asked
from runner.gitops.commands.parse import USAGE, usage
from runner.gitops.commands.port import Performing
from runner.ports import Comment, Status
from runner.report import markers, reply
from runner.report.markers import Request
from runner.report.statuses import StatusText
from runner.report.wording import known_jobs
from runner.runs.files import tail
from runner.runs.reading import read

_LOG_LINES = 100


def answer(asked: Asked, perform: Performing) -> Answer:
    """Raises RunnerErrors with the reason where it cannot be."""
    in_cloud = perform.in_cloud(asked)
    if in_cloud is not None:
        return in_cloud
    match asked.command.verb:
        case "retry" | "resume":
            return again.again(asked, perform)
        case "run":
            return again.refused(asked, perform)
        case "plan":
            return planning.plan(asked)
    return _LIGHT[asked.command.verb](asked)


def _help(_: Asked) -> Answer:
    return Answer(said=reply.help_text({verb: usage(verb) for verb in USAGE}))


def _unlock(_: Asked) -> Answer:
    raise RefusedError("nothing is locked: this version has no locks between runs")


def _status(asked: Asked) -> Answer:
    shown = kept.shown_on(asked.forge, asked.context, asked.commits)
    ids = _run_ids(asked)
    runs = [
        reply.RunHere(status=_text(one.status), run_id=ids.get(one.queue_id, ""))
        for one in sorted(shown, key=lambda one: one.queue_id)
    ]
    mine = asked.login.casefold()
    jobs = {
        status.context: _text(status)
        for commit in asked.commits
        for status in asked.forge.statuses(commit)
        if status.author.casefold() == mine and status.context.count("/") > 1
    }
    of_runs = tuple(f"runner/{one.queue_id}/" for one in shown)
    return Answer(said=reply.status(runs, [jobs[name] for name in sorted(jobs) if name.startswith(of_runs)]))


def _text(status: Status) -> StatusText:
    return StatusText(
        context=status.context, state=status.state, description=status.description, target=status.target
    )


def _run_ids(asked: Asked) -> dict[str, str]:
    """Queue id → the id of its newest run, by our own comments: a live one names it, a final one is on it."""
    found: dict[str, str] = {}
    for comment in asked.forge.comments(asked.pull.number):
        marker = _ours(comment, asked.login)
        if marker is None:
            continue
        if marker.kind == "live" and marker.run:
            found[marker.subject] = marker.run
        elif marker.kind == "final":
            found.setdefault(marker.subject.rsplit("-", 2)[0], marker.subject)
    return found


def _ours(comment: Comment, login: str) -> markers.Marker | None:
    return markers.parse(comment.body) if comment.author.casefold() == login.casefold() else None


def _cancel(asked: Asked) -> Answer:
    run_id, jobs = asked.command.run_id, asked.command.job_ids
    if run_id not in _run_ids(asked).values():
        raise NotFoundError(f"there is no run {run_id} here", hint="/runner status lists them")
    shown = _shown(asked, run_id)
    if shown is None or shown.status.state != "pending":
        words = f": {shown.status.description}" if shown else ""
        raise RefusedError(f"run {run_id} is over{words}", hint="there is nothing to cancel")
    found = kept.find_run(asked.forge, asked.context, asked.commits, run_id, with_artifact=False)
    if not found.is_live:
        raise RefusedError(
            f"nobody works on run {run_id}: its workflow run {found.workflow_run.id} has ended",
            hint=f"/runner resume {run_id} goes on with it",
        )
    url = asked.context.page(found.workflow_run.id)
    return Answer(
        said=reply.cancelling(run_id, jobs, url),
        request=Request(do="cancel", run=run_id, on=found.workflow_run.id, jobs=jobs),
    )


def _shown(asked: Asked, run_id: str) -> Shown | None:
    shown = kept.shown_on(asked.forge, asked.context, asked.commits)
    return next(iter(kept.candidates(shown, run_id)), None)


def _logs(asked: Asked) -> Answer:
    run_id, (job_id,) = asked.command.run_id, asked.command.job_ids
    found = kept.find_run(asked.forge, asked.context, asked.commits, run_id)
    with tempfile.TemporaryDirectory(prefix="runner-") as scratch:
        directory = Path(scratch) / run_id
        kept.bring(asked.forge, found, directory)
        _, state = read(directory)
        job = state.jobs.get(job_id)
        if job is None:
            raise NotFoundError(f"run {run_id} has no job {job_id}", hint=known_jobs(state))
        if job.last is None:
            raise NotFoundError(f"job {job_id} has no log: it never started")
        lines = tail(directory, job_id, job.last.number, _LOG_LINES)
    url = asked.context.page(found.workflow_run.id)
    return Answer(said=reply.log_end(run_id, job_id, job.last.number, lines, url))


_LIGHT: dict[str, Callable[[Asked], Answer]] = {
    "help": _help,
    "status": _status,
    "logs": _logs,
    "cancel": _cancel,
    "unlock": _unlock,
}
