"""Two versions of a queue, compared by what they mean: formatting, aliases and key order do not matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from runner.model import Job, Queue
from runner.plan.changes import Changes, FieldChange, JobChange, Renamed
from runner.plan.differ import field_change, mapping_changes, shown
from runner.plan.rename import renamed_jobs, under_new_names

_DERIVED = frozenset({"job_id", "jobs", "deferred", "reads", "when_gates", "unsupported", "refused"})
"""Fields that follow from others, or are compared in another way."""
_WRITTEN = {"concurrency_group": "concurrency.group", "concurrency_policy": "concurrency.policy"}
"""Fields that stand elsewhere in a file."""
_JOB_FIELDS = tuple(f.name for f in fields(Job) if f.name not in _DERIVED)
_QUEUE_FIELDS = tuple(f.name for f in fields(Queue) if f.name not in _DERIVED)


def compare(old: Queue | None, new: Queue) -> Changes:
    """What `new` changes. Values of `environment` are hidden; of secrets only references are known."""
    if old is None:
        return Changes(created=True)
    before = {job.job_id: job for job in old.jobs}
    after = {job.job_id: job for job in new.jobs}
    names = renamed_jobs(
        [job for job in old.jobs if job.job_id not in after],
        [job for job in new.jobs if job.job_id not in before],
    )
    new_names = frozenset(names.values())
    common = [job_id for job_id in after if job_id in before]
    changes = [_job_change(under_new_names(before[job_id], names), after[job_id]) for job_id in common]
    differing = [change for change in changes if change.fields]
    return Changes(
        queue=_queue_fields(old, new),
        added=tuple(job_id for job_id in after if job_id not in before and job_id not in new_names),
        removed=tuple(job_id for job_id in before if job_id not in after and job_id not in names),
        renamed=tuple(Renamed(old=a, new=b) for a, b in names.items()),
        changed=tuple(change for change in differing if not _only_parents(change)),
        reparented=tuple(change for change in differing if _only_parents(change)),
        reordered=common != [job_id for job_id in before if job_id in after],
    )


def _only_parents(change: JobChange) -> bool:
    return [field.field for field in change.fields] == ["depends_on"]


def _job_change(old: Job, new: Job) -> JobChange:
    if old == new:
        return JobChange(job_id=new.job_id, fields=())
    found: list[FieldChange] = []
    for name in _JOB_FIELDS:
        found += _field(name, getattr(old, name), getattr(new, name))
    return JobChange(job_id=new.job_id, fields=tuple(found))


def _queue_fields(old: Queue, new: Queue) -> tuple[FieldChange, ...]:
    found: list[FieldChange] = []
    for name in _QUEUE_FIELDS:
        found += _field(_WRITTEN.get(name, name), getattr(old, name), getattr(new, name))
    return tuple(found)


def _field(name: str, old: object, new: object) -> list[FieldChange]:
    if name == "depends_on" and isinstance(old, tuple) and isinstance(new, tuple):
        old, new = tuple(sorted(old)), tuple(sorted(new))
    if old == new:
        return []
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return mapping_changes(name, old, new, hidden=name == "environment")
    if name == "machine":
        return mapping_changes(name, _machine(old), _machine(new))
    return [field_change(name, shown(name, old), shown(name, new))]


def _machine(machine: object) -> dict[str, object]:
    options = getattr(machine, "options", {})
    return {"provider": getattr(machine, "provider", ""), **options}
