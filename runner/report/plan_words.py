"""The sentences that every plan report says, so that text, Markdown and the terminal agree."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from runner.model import Job, Queue
from runner.plan import Bound, Changes, FieldChange, JobChange, Preview
from runner.plan.words import attempts_text, counted
from runner.report import plan_machine
from runner.units import format_duration

_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """One change: a sign for the terminal, what was done in words, to which jobs, and the field if it is one.

    Signs: `+` added, `-` removed, `~` changed, `=` renamed, `>` waits for others now.
    """

    sign: str
    done: str
    job_ids: tuple[str, ...] = ()
    field: FieldChange | None = None


def verdict(preview: Preview) -> str:
    """`8 jobs in 6 levels, at most 14h40m, local`; that nothing bounds the time is a warning of its own."""
    bound = preview.facts.bound
    parts = (size(preview), "" if bound.seconds is None else at_most(bound), machine(preview))
    return ", ".join(part for part in parts if part)


def size(preview: Preview) -> str:
    levels = counted(len(preview.facts.levels), "level")
    return f"{counted(len(preview.plan.queue.jobs), 'job')} in {levels}"


def at_most(bound: Bound) -> str:
    """Rounded up: what is shown has to be a bound as well."""
    return "no bound on time" if bound.seconds is None else f"at most {format_duration(_up(bound.seconds))}"


def _up(seconds: float) -> float:
    shown = next((unit for least, unit in ((86400, 3600), (3600, 60), (9, 1)) if seconds > least), 0)
    return math.ceil(seconds / shown) * shown if shown else math.ceil(seconds * 10) / 10


def machine(preview: Preview) -> str:
    """`local`, `ec2 m7i.large`."""
    return plan_machine.short(preview.plan.queue.machine)


def bound_reason(bound: Bound, mark: Callable[[str], str] = str) -> str:
    """What the bound on time assumes. `mark` makes job ids fit for where they are shown."""
    if bound.by == "queue":
        return "the queue's timeout, and what cleaning up may take after it"
    if bound.by == "jobs":
        at_a_time = f"{counted(bound.slots, 'job')} at a time"
        return f"{at_a_time}, every attempt to its timeout, every retry used"
    some = ", ".join(map(mark, bound.unbounded[:3])) + (", …" if len(bound.unbounded) > 3 else "")
    return f"without a timeout: {some}"


_STARTS = {"merge": "once merged", "manual": "only by hand", "schedule": "by the clock"}


def starts(queue: Queue, mark: Callable[[str], str] = str, shown: int = 3) -> str:
    """When the queue runs: `only by hand`, `once merged, and by the clock: 0 3 * * * (UTC)`; "" where it is
    simply once it is merged. `mark` makes cron lines fit for where they are shown.
    """
    if queue.run_on == "merge" and not queue.schedule:
        return ""
    when = _STARTS.get(queue.run_on) or mark(queue.run_on)
    if queue.run_on == "manual" or not queue.schedule:
        return when
    lines = ", ".join(map(mark, queue.schedule[:shown]))
    more = f" and {len(queue.schedule) - shown} more" if len(queue.schedule) > shown else ""
    also = "" if queue.run_on == "schedule" else ", and by the clock"
    return f"{when}{also}: {lines}{more} (UTC)"


_TURNS = {
    "wait": "a second one waits",
    "cancel": "a second one cancels the first",
    "reject": "a second one does not start",
}


def turns(queue: Queue, mark: Callable[[str], str] = str) -> str:
    """`one run of the group gpu at a time: a second one waits`; "" for what is so of every queue."""
    if not queue.concurrency_group and queue.concurrency_policy == "wait":
        return ""
    then = _TURNS.get(queue.concurrency_policy) or mark(queue.concurrency_policy)
    return f"one run of the group {mark(queue.group)} at a time: {then}"


def merging(queues: Sequence[Queue]) -> str:
    """What merging these does."""
    count = sum(queue.run_on == "merge" for queue in queues)
    if count == len(queues):
        return "Merging runs it."
    return f"Merging runs {count:,} of {counted(len(queues), 'queue')}." if count else "Merging runs nothing."


def critical_ids(preview: Preview) -> tuple[str, ...]:
    """The critical path, its middle left out where it is long."""
    path = preview.facts.critical_path
    if len(path) <= _SHOWN:
        return path
    half = _SHOWN // 2
    return (*path[:half], f"… {len(path) - _SHOWN} more …", *path[-(_SHOWN - half) :])


def critical_length(preview: Preview) -> str:
    """How long the critical path is: in time where all its jobs have a bound, else in jobs."""
    seconds = preview.facts.critical_seconds
    if seconds is None:
        return counted(len(preview.facts.critical_path), "job")
    return f"{format_duration(seconds)} by timeouts and retries"


def warnings(preview: Preview) -> list[str]:
    """What the facts warn of, but for what the validation has already said with its place."""
    said = {problem.message for problem in preview.problems}
    return [warning for warning in preview.facts.warnings if warning not in said]


def timeout(job: Job) -> str:
    return "" if job.timeout is None else format_duration(job.timeout)


def attempts(job: Job) -> str:
    """Empty for a job that is tried once."""
    return attempts_text(job.retry) if job.retry.count > 0 else ""


def notes(job: Job) -> Iterator[tuple[str, str]]:
    """What else decides when and whether this job runs: our words, and the file's."""
    if job.always_run:
        yield "always runs", ""
    if job.allow_failure:
        yield "may fail", ""
    if job.on_failure is not None:
        yield "on failure →", job.on_failure
    if job.when is not None:
        yield "when", job.when
    if job.priority:
        yield f"priority {job.priority}", ""


def change_lines(changes: Changes) -> Iterator[ChangeLine]:
    for field in changes.queue:
        yield ChangeLine(sign="~", done="queue", field=field)
    for renamed in changes.renamed:
        yield ChangeLine(sign="=", done="renamed", job_ids=(renamed.old, renamed.new))
    for job_id in changes.added:
        yield ChangeLine(sign="+", done="added", job_ids=(job_id,))
    for job_id in changes.removed:
        yield ChangeLine(sign="-", done="removed", job_ids=(job_id,))
    yield from _fields("~", "changed", changes.changed)
    yield from _fields(">", "waits for others:", changes.reparented)
    if changes.reordered:
        yield ChangeLine(sign="~", done="the order of the jobs in the file, which decides among equals")


def _fields(sign: str, done: str, jobs: tuple[JobChange, ...]) -> Iterator[ChangeLine]:
    for job in jobs:
        for field in job.fields:
            yield ChangeLine(sign=sign, done=done, job_ids=(job.job_id,), field=field)


def field_sentence(field: FieldChange) -> str:
    """`timeout: 30m → 1h`, `environment.KEY: changed (values are not shown)`."""
    if field.hidden:
        return f"{field.field}: {hidden(field)} (values are not shown)"
    if field.diff:
        return f"{field.field}:"
    return f"{field.field}: {field.old or 'nothing'} → {field.new or 'nothing'}"


def hidden(field: FieldChange) -> str:
    """What happened to a value that is not shown."""
    return "changed" if field.old and field.new else "added" if field.new else "removed"


def since(changes: Changes) -> str:
    """Headline of the changes."""
    return "a new queue" if changes.created else "no change" if changes.none else "changes"
