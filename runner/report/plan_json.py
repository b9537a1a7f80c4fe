"""A plan as JSON for programs. Stable: fields are added, never changed or taken away.

version         1
queue_id, queue_name, source, digest, runner_version
run_on, schedule  when it runs: `merge`, `manual` or `schedule`, and the cron lines (UTC)
concurrency     {group, policy}: of the runs of one group one lives at a time
machine         {provider, …} as in the file
runs_again      job ids: what a new machine would run once more, were the first one lost
jobs            in the order of the file: job_id, level (from 1), depends_on, on_failure, always_run,
                timeout_seconds, attempts, waits ([{seconds, times}]), longest_seconds (null: no bound),
                environment and secrets (names only)
levels          lists of job ids
critical_path   {job_ids, seconds (null where a job has no timeout)}
bound           {seconds (null: none), by ("jobs", "queue" or ""), max_parallel, unbounded (job ids)}
cost            null where no machine is paid for, or {at_most (null: unknown), currency, machine_type (the
                dearest), machine_types, region, per_hour, seconds (of one machine), by ("ttl" or "timeouts"),
                machines, prices_as_of, unknown (types without a price)}
changes         null, or {base, created, none, queue, added, removed, renamed, changed, reparented, reordered}
warnings        sentences
problems        {rule, severity, message, hint, file, line, column}
"""

from __future__ import annotations

import json
from typing import Any

from runner.model import Job
from runner.plan import Changes, Cost, FieldChange, JobChange, JobFacts, Preview
from runner.problems import Problem

VERSION = 1


def plan_json(preview: Preview) -> str:
    """Indented, ASCII (a file can hold text that no encoding has), with a newline at the end."""
    return json.dumps(_report(preview), indent=2) + "\n"


def _report(preview: Preview) -> dict[str, Any]:
    plan, facts = preview.plan, preview.facts
    bound = facts.bound
    return {
        "version": VERSION,
        "queue_id": plan.queue.queue_id,
        "queue_name": plan.queue.queue_name,
        "source": plan.source,
        "digest": plan.digest,
        "runner_version": plan.runner_version,
        "run_on": plan.queue.run_on,
        "schedule": plan.queue.schedule,
        "concurrency": {"group": plan.queue.group, "policy": plan.queue.concurrency_policy},
        "machine": {"provider": plan.queue.machine.provider, **plan.queue.machine.options},
        "runs_again": facts.runs_again,
        "jobs": [_job(job, about) for job, about in zip(plan.queue.jobs, facts.jobs, strict=True)],
        "levels": facts.levels,
        "critical_path": {"job_ids": facts.critical_path, "seconds": facts.critical_seconds},
        "bound": {
            "seconds": bound.seconds,
            "by": bound.by,
            "max_parallel": bound.slots,
            "unbounded": bound.unbounded,
        },
        "cost": None if preview.cost is None else _cost(preview.cost),
        "changes": None if preview.changes is None else _changes(preview.changes, preview.base),
        "warnings": facts.warnings,
        "problems": [_problem(problem) for problem in preview.problems],
    }


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        "at_most": None if cost.dollars is None else round(cost.dollars, 6),
        "currency": "USD",
        "machine_type": cost.type,
        "machine_types": cost.types,
        "region": cost.region,
        "per_hour": cost.price or None,
        "seconds": cost.seconds,
        "by": cost.by,
        "machines": cost.machines,
        "prices_as_of": cost.as_of,
        "unknown": cost.unknown,
    }


def _job(job: Job, about: JobFacts) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "level": about.level,
        "depends_on": job.depends_on,
        "on_failure": job.on_failure,
        "always_run": job.always_run,
        "timeout_seconds": job.timeout,
        "attempts": about.attempts,
        "waits": [{"seconds": wait.seconds, "times": wait.times} for wait in about.waits],
        "longest_seconds": about.longest,
        "environment": list(job.environment),
        "secrets": list(job.secrets),
    }


def _changes(changes: Changes, base: str) -> dict[str, Any]:
    return {
        "base": base,
        "created": changes.created,
        "none": changes.none,
        "queue": [_field(field) for field in changes.queue],
        "added": changes.added,
        "removed": changes.removed,
        "renamed": [{"old": renamed.old, "new": renamed.new} for renamed in changes.renamed],
        "changed": [_job_change(job) for job in changes.changed],
        "reparented": [_job_change(job) for job in changes.reparented],
        "reordered": changes.reordered,
    }


def _job_change(change: JobChange) -> dict[str, Any]:
    return {"job_id": change.job_id, "fields": [_field(field) for field in change.fields]}


def _field(field: FieldChange) -> dict[str, Any]:
    return {
        "field": field.field,
        "old": field.old,
        "new": field.new,
        "diff": field.diff,
        "hidden": field.hidden,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    place = problem.location
    return {
        "rule": problem.rule,
        "severity": problem.severity.value,
        "message": problem.message,
        "hint": problem.hint,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
    }
