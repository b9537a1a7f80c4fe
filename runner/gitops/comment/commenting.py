"""`runner github comment`: the plan under its pull request, and the status `runner/plan` on its head.

Runs beside a token that may write, in the default branch's checkout: the artifact is text of a stranger, the
pull request is found from the event, and all that is said is made here. Each step may be the last one: who
comes after does what is missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from runner.errors import SUCCEEDED, ForgeRefusedError, PlanError, RunnerError
from runner.gitops.comment import posting
from runner.gitops.comment.pushes import queues_of_push
from runner.gitops.comment.whose import pull_of_run
from runner.gitops.context import Context
from runner.gitops.payload import WorkflowRunEvent
from runner.gitops.plan import receiving
from runner.gitops.plan.artifact import Bundle
from runner.gitops.plan.before import queues_at
from runner.gitops.plan.digests import CONTEXT, newest
from runner.gitops.plan.pulls import pull_of, status_words
from runner.gitops.repository import history
from runner.gitops.repository.configured import config_at
from runner.model import Queue
from runner.ports import CodeHost, PullRequest, Status, WorkflowRun
from runner.report.comment_plan import PullPlan, plan_comment, superseding
from runner.report.escaping import code
from runner.report.links import Links

_PLANS = frozenset({"pull_request", "merge_group"})
_OVER = frozenset({"success", "failure"})
"""Both leave an artifact. A run that was cancelled or skipped is followed by another, or meant nothing."""
_WORKFLOW = re.compile(r"\.github/workflows/[^/]*plan[^/]*\.ya?ml")
_RUN = re.compile(r"/actions/runs/([0-9]{1,18})(?:/attempts/([0-9]{1,6}))?")
_UNREAD = "The plan could not be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What the plan workflow handed over; `why` it cannot be used, else ""."""

    bundle: Bundle | None = None
    why: str = ""


def comment(context: Context, happened: WorkflowRunEvent, forge: CodeHost, folder: Path) -> int:
    """Show the plan that lies in `folder`. Raises ForgeError where the forge does not answer."""
    run = happened.run
    if not _WORKFLOW.fullmatch(run.workflow) or run.event not in _PLANS or run.conclusion not in _OVER:
        return _told(
            context, f"{code(run.workflow)} ({code(run.event)}, {code(run.conclusion)}) left no plan"
        )
    read = _read(folder, run)
    if run.event == "merge_group":
        if run.repository != forge.repository().id:
            return _told(context, "the workflow run is of another repository")
        return _told(context, _status(context, forge, run, _pull_plan(context, read, run, number=0), read))
    pull = pull_of_run(forge, happened)
    if isinstance(pull, str):
        return _told(context, f"No comment: {pull}")
    shown = _compared(context, forge, run, read, pull)
    done = _status(context, forge, run, shown, read)
    if done != posting.NEWER:
        done = f"{done}. {_comment(forge, pull, shown)}"
    return _told(context, f"#{pull.number}: {done}")


def generation(run: WorkflowRun) -> int:
    """Grows with each plan of a repository: run ids do, and attempts at one run."""
    return run.id * 1000 + min(run.attempt, 999)


def _read(folder: Path, run: WorkflowRun) -> _Read:
    try:
        bundle = receiving.from_bytes(receiving.read_file(folder))
    except PlanError as error:
        return _Read(why=error.message)
    if bundle.sha != run.commit:
        return _Read(why="the plan of this push cannot be read: it is that of another commit")
    return _Read(bundle=bundle)


def _pull_plan(
    context: Context,
    read: _Read,
    run: WorkflowRun,
    *,
    number: int,
    before: dict[str, Queue | None] | None = None,
    pushed: dict[str, Queue] | None = None,
    region: str = "",
) -> PullPlan:
    files = context.files_url(run.commit)
    if read.bundle is None:
        return PullPlan(
            number=number,
            sha=run.commit,
            generation=generation(run),
            links=Links(files=files),
            unreadable=read.why,
        )
    return pull_of(
        read.bundle,
        number=number,
        generation=generation(run),
        before=before,
        pushed=pushed,
        files=files,
        region=region,
    )


def _compared(
    context: Context, forge: CodeHost, run: WorkflowRun, read: _Read, pull: PullRequest
) -> PullPlan:
    """With what changed against the base and since the push that the comment showed before."""
    before = pushed = None
    region = ""
    if read.bundle is not None and read.bundle.plans:
        sources = [plan.source for plan in read.bundle.plans]
        base = _base(context, pull)
        before = queues_at(context.checkout, base, sources) if base else None
        region = _region(context, base) if base else ""
        shown = posting.plan_comments(forge, pull.number)[0].newest
        past = shown.past if shown is not None else ()
        last = next((one.sha for one in past if one.sha != run.commit), "")
        pushed = queues_of_push(forge, run, last) if last else None
    return _pull_plan(context, read, run, number=pull.number, before=before, pushed=pushed, region=region)


def _base(context: Context, pull: PullRequest) -> str:
    """The base of the request where the clone has it, else the newer one that is checked out, else ""."""
    try:
        known = history.exists(context.checkout, pull.base_commit)
        return pull.base_commit if known else history.head(context.checkout)
    except RunnerError:  # the comment then says nothing of changes
        return ""


def _region(context: Context, base: str) -> str:
    """Where the configuration in force launches machines, "" where it does not say."""
    try:
        return config_at(context.checkout, base).account.region
    except RunnerError:  # it is broken, as the plan says; the bound on the cost is then unknown
        return ""


def _status(context: Context, forge: CodeHost, run: WorkflowRun, shown: PullPlan, read: _Read) -> str:
    """Set it, unless it says so already; NEWER where a newer plan of the same commit has set it."""
    there = newest(forge.statuses(run.commit), forge.login())
    if there is not None and _generation_of(there) > generation(run):
        return posting.NEWER
    state, words = status_words(shown, read.bundle) if read.bundle is not None else ("failure", _UNREAD)
    if there is not None and (there.state, there.description) == (state, words):
        return f"the status says already: {code(words)}"
    target = context.page(run.id, run.attempt)  # made of what we know: the event's own URL could be anything
    status = Status(context=CONTEXT, state=state, description=words, target=target)
    try:
        forge.set_status(run.commit, status)
    except ForgeRefusedError as error:
        return f"no status: {code(error.message)}"
    return f"status {state}: {code(words)}"


def _generation_of(status: Status) -> int:
    match = _RUN.search(status.target)
    return int(match[1]) * 1000 + int(match[2] or 1) if match is not None else 0


def _comment(forge: CodeHost, pull: PullRequest, shown: PullPlan) -> str:
    if pull.locked:
        return "No comment: the conversation is locked"
    try:
        done = posting.post(
            forge,
            pull.number,
            shown.generation,
            lambda before: plan_comment(superseding(shown, before)),
            only_edit=shown.verdict == "nothing",
        )
    except ForgeRefusedError as error:
        return f"No comment: {code(error.message)}"
    return {
        posting.NEWER: "The comment shows a newer plan",
        posting.SAME: "The comment shows it already",
        posting.WRITTEN: "The comment shows it",
        posting.NOTHING: "Nothing changed, so there is no comment",
    }[done]


def _told(context: Context, sentence: str) -> int:
    context.summarize(f"{sentence}\n")
    return SUCCEEDED
