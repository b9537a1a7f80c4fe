"""The sentences that every plan report says, so that text, Markdown and the terminal agree."""

from __future__ import annotations

import math
from collections.abc import Iterator

from runner.model import Job
from runner.plan import Bound, Changes, FieldChange, JobChange, Preview
from runner.plan.words import attempts_text, counted
from runner.units import format_duration


def verdict(preview: Preview) -> str:
    """`8 jobs in 6 levels, at most 14h40m, local`."""
    queue, facts = preview.plan.queue, preview.facts
    size = f"{counted(len(queue.jobs), 'job')} in {counted(len(facts.levels), 'level')}"
    return f"{size}, {at_most(facts.bound)}, {machine(preview)}"


def at_most(bound: Bound) -> str:
    """Rounded up: what is shown has to be a bound as well."""
    return "no bound on time" if bound.seconds is None else f"at most {format_duration(_up(bound.seconds))}"


def _up(seconds: float) -> float:
    shown = next((unit for least, unit in ((86400, 3600), (3600, 60), (9, 1)) if seconds > least), 0)
    return math.ceil(seconds / shown) * shown if shown else math.ceil(seconds * 10) / 10


def machine(preview: Preview) -> str:
    """`local`, `ec2 m7i.large`."""
    found = preview.plan.queue.machine
    kind = found.options.get("type")
    return f"{found.provider} {kind}" if isinstance(kind, str) else found.provider


def bound_reason(bound: Bound) -> str:
    """What the bound on time assumes."""
    if bound.by == "queue":
        return "the queue's timeout, and what cleaning up may take after it"
    if bound.by == "jobs":
        at_a_time = f"{counted(bound.slots, 'job')} at a time"
        return f"{at_a_time}, every attempt to its timeout, every retry used"
    some = ", ".join(bound.unbounded[:3]) + (", …" if len(bound.unbounded) > 3 else "")
    return f"without a timeout: {some}"


def critical_path(preview: Preview, shown: int = 12) -> str:
    path = preview.facts.critical_path
    if len(path) > shown:
        path = (*path[: shown // 2], f"… {len(path) - shown} more …", *path[-(shown - shown // 2) :])
    return " → ".join(path)


def critical_length(preview: Preview) -> str:
    """How long the critical path is: in time where all its jobs have a bound, else in jobs."""
    seconds = preview.facts.critical_seconds
    if seconds is None:
        return counted(len(preview.facts.critical_path), "job")
    return f"{format_duration(seconds)} by timeouts and retries"


def timeout(job: Job) -> str:
    return "" if job.timeout is None else format_duration(job.timeout)


def attempts(job: Job) -> str:
    """Empty for a job that is tried once."""
    return attempts_text(job.retry) if job.retry.count > 0 else ""


def notes(job: Job) -> Iterator[str]:
    """What else decides when and whether this job runs."""
    if job.always_run:
        yield "always runs"
    if job.allow_failure:
        yield "may fail"
    if job.on_failure is not None:
        yield f"on failure → {job.on_failure}"
    if job.when is not None:
        yield f"when {job.when}"
    if job.priority:
        yield f"priority {job.priority}"


def change_lines(changes: Changes) -> Iterator[tuple[str, str, FieldChange | None]]:
    """Each change as a sign, what it is about, and the field where there is one.

    Signs: `+` added, `-` removed, `~` changed, `>` renamed or waits for others now.
    """
    for field in changes.queue:
        yield "~", "queue", field
    for renamed in changes.renamed:
        yield ">", f"{renamed.old} is now called {renamed.new}", None
    for job_id in changes.added:
        yield "+", job_id, None
    for job_id in changes.removed:
        yield "-", job_id, None
    yield from _fields("~", changes.changed)
    yield from _fields(">", changes.reparented)
    if changes.reordered:
        yield "~", "the order of the jobs in the file, which decides among equals", None


def _fields(sign: str, jobs: tuple[JobChange, ...]) -> Iterator[tuple[str, str, FieldChange | None]]:
    for job in jobs:
        for field in job.fields:
            yield sign, job.job_id, field


def field_sentence(field: FieldChange) -> str:
    """`timeout: 30m → 1h`, `environment.KEY: changed (values are not shown)`."""
    if field.hidden:
        done = "changed" if field.old and field.new else "added" if field.new else "removed"
        return f"{field.field}: {done} (values are not shown)"
    if field.diff:
        return f"{field.field}:"
    return f"{field.field}: {field.old or 'nothing'} → {field.new or 'nothing'}"


def since(preview: Preview) -> str:
    """Headline of the changes."""
    base = f" since {preview.base}" if preview.base else ""
    if preview.changes is None:
        return ""
    if preview.changes.created:
        return f"a new queue{base}"
    return f"no change{base}" if preview.changes.none else f"changes{base}"
