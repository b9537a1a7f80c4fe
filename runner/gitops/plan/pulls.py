"""A bundle of plans → what the plan comment and the status `runner/plan` say."""

from __future__ import annotations

from collections.abc import Mapping

from runner import plan as plans
from runner.gitops.plan.artifact import Bundle, PlannedFile
from runner.gitops.plan.digests import agreed, description
from runner.launching.cost import carried
from runner.model import Queue
from runner.plan.words import counted
from runner.problems import Severity
from runner.report.comment_plan import PlannedQueue, PullPlan, plan_comment
from runner.report.links import Links


def pull_of(
    bundle: Bundle,
    *,
    number: int,
    generation: int = 0,
    before: Mapping[str, Queue | None] | None = None,
    pushed: Mapping[str, Queue] | None = None,
    files: str = "",
    region: str = "",
) -> PullPlan:
    """`before` are the queues of the base by source, None for a new one; `pushed` all of the push before.

    What is not known is left out, or None. `files` is the URL of the tree at the commit that was planned,
    `region` where machines are launched that name none.
    """
    return PullPlan(
        number=number,
        sha=bundle.sha,
        generation=generation,
        queues=tuple(_queue(file, before or {}, pushed, region) for file in bundle.queues),
        removed=bundle.removed,
        links=Links(files=files),
    )


def _queue(
    file: PlannedFile,
    before: Mapping[str, Queue | None],
    pushed: Mapping[str, Queue] | None,
    region: str,
) -> PlannedQueue:
    if file.plan is None:
        return PlannedQueue(source=file.source, problems=file.problems, params=file.params)
    queue = file.plan.queue
    facts = plans.analyse(queue)
    preview = plans.Preview(
        plan=file.plan,
        facts=facts,
        cost=plans.cost_of(queue, facts.bound, region=region, prices=carried()),
        changes=plans.compare(before[file.source], queue) if file.source in before else None,
        problems=tuple(p for p in file.problems if p.severity is Severity.WARNING),
    )
    since = plans.compare(pushed.get(file.source), queue) if pushed is not None else None
    return PlannedQueue(source=file.source, preview=preview, problems=file.problems, pushed=since)


def markdown(pull: PullPlan) -> str:
    """The comment without its marker: for the summary of a job."""
    return plan_comment(pull).partition("\n")[2]


def status_words(pull: PullPlan, bundle: Bundle) -> tuple[str, str]:
    """State and description of `runner/plan`."""
    if pull.verdict == "nothing":
        return "success", "No queues changed"
    if pull.verdict == "broken":
        broken = sum(queue.broken for queue in pull.queues)
        return "failure", f"{broken:,} of {counted(len(pull.queues), 'queue file')} cannot run"
    return "success", description(pull.size, agreed(bundle.plans))
