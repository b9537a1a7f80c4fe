"""Jobs that only got another id.

A removed and an added job are one job renamed when everything else about them is equal, dependencies
that were renamed themselves included. References to handlers are followed the same way.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

from runner.model import Job
from runner.plan.codec import job_form

_SOME_HANDLER = "?"


def renamed_jobs(removed: Sequence[Job], added: Sequence[Job]) -> dict[str, str]:
    """Old id → new id. Among equals the order of the file decides."""
    if not removed or not added:
        return {}
    old_ids, new_ids = {job.job_id for job in removed}, {job.job_id for job in added}
    waiting: dict[str, deque[str]] = {}
    for job in added:
        waiting.setdefault(_signature(job, new_ids), deque()).append(job.job_id)
    names: dict[str, str] = {}
    for job in _parents_first(removed):
        candidates = waiting.get(_signature(under_new_names(job, names), old_ids))
        if candidates:
            names[job.job_id] = candidates.popleft()
    return {job.job_id: names[job.job_id] for job in removed if job.job_id in names}


def under_new_names(job: Job, names: Mapping[str, str]) -> Job:
    """The job with every reference to a renamed one under its new name."""
    handler = names.get(job.on_failure, job.on_failure) if job.on_failure is not None else None
    parents = tuple(names.get(parent, parent) for parent in job.depends_on)
    if handler == job.on_failure and parents == job.depends_on:
        return job
    return replace(job, depends_on=parents, on_failure=handler)


def _signature(job: Job, moving: set[str]) -> str:
    """Equal for equal jobs. A handler comes after the jobs that name it: its new name is not known yet."""
    handler = _SOME_HANDLER if job.on_failure in moving else job.on_failure
    parents = tuple(sorted(job.depends_on))
    return json.dumps(
        job_form(replace(job, job_id="", depends_on=parents, on_failure=handler, reads=())), sort_keys=True
    )


def _parents_first(jobs: Sequence[Job]) -> list[Job]:
    by_id = {job.job_id: job for job in jobs}
    unmet = {job.job_id: sum(parent in by_id for parent in job.depends_on) for job in jobs}
    children: dict[str, list[Job]] = {}
    for job in jobs:
        for parent in job.depends_on:
            children.setdefault(parent, []).append(job)
    done = [job for job in jobs if unmet[job.job_id] == 0]
    for job in done:
        for child in children.get(job.job_id, ()):
            unmet[child.job_id] -= 1
            if unmet[child.job_id] == 0:
                done.append(child)
    return done
