"""What expressions may read: jobs that have ended for certain, and only where the run evaluates them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from runner import canonical
from runner.expressions import condition
from runner.problems import Problem, Route, shorten
from runner.validate.ancestry import unordered
from runner.validate.edges import waits_for
from runner.validate.facts import Facts, JobAt, depends_on
from runner.validate.nearest import did_you_mean

_LATE = frozenset({"command", "environment", "foreach", "when"})
_NEVER = re.compile(
    r"(?:\$\{\{)?\s*(?:failed\(\)|jobs\[(['\"])(?P<job>[^'\"]+)\1\]\.status\s*==\s*(['\"])"
    r"(?:failed|timed_out|out_of_memory|lost)\3)\s*(?:\}\})?"
)


def too_early(facts: Facts) -> Iterator[Problem]:
    """Fields that are needed before the first job starts cannot read what a job gives."""
    for route in facts.deferred:
        if not _is_late(route):
            shown = next((str(step) for step in reversed(route) if isinstance(step, str)), "")
            message = f"`{shorten(shown)}` is needed before the first job starts: it cannot read `jobs`"
            hint = "only `command`, `environment`, `foreach` and `when` can"
            yield Problem(rule="too-early", message=message, hint=hint, route=route)


def _is_late(route: Route) -> bool:
    """Whether the run evaluates what is there."""
    place = {"jobs": 2, "defaults": 1}.get(str(route[0]), len(route))
    field = str(route[place]) if len(route) > place else ""
    return canonical.JOB_ALIASES.get(field, field) in _LATE


def readable(facts: Facts) -> Iterator[Problem]:
    """`jobs[…]` is an ancestor, or a job that names this handler."""
    wanted = [
        (job, route, name)
        for job, route, reads in _readings(facts)
        if job.job_id in facts.by_id
        for name in sorted(reads)
    ]
    pairs = [(job.job_id, name) for job, _, name in wanted if name in facts.by_id]
    if not wanted:
        return
    before = {job_id: [d for d in depends_on(job) if d in facts.by_id] for job_id, job in facts.by_id.items()}
    early = unordered(before, pairs)
    unrelated = unordered(waits_for(facts), [(name, job_id) for job_id, name in early])
    for job, route, name in wanted:
        if name not in facts.by_id:
            hint = did_you_mean(name, facts.by_id) or "`job_id` of a job in this file"
            message = f"there is no job `{shorten(name)}` to read from"
            yield Problem(rule="unknown-job", message=message, hint=hint, route=route)
        elif not facts.duplicated.isdisjoint((name, job.job_id)):
            continue
        elif (job.job_id, name) in early and facts.handlers.get(name) != job.job_id:
            yield _not_before(job, name, route, is_after=(name, job.job_id) not in unrelated)


def never(facts: Facts) -> Iterator[Problem]:
    """A job that wants a failure to have happened, in a queue that stops at the first one."""
    if facts.fields.get("on_failure", "stop") != "stop":
        return
    named = set(facts.handlers.values())
    for job in facts.jobs:
        when = job.fields.get("when")
        match = _NEVER.fullmatch(when.strip()) if isinstance(when, str) and len(when) < 500 else None
        if match is None or job.job_id in named or facts.value(job, "always_run") not in (None, False):
            continue
        causes = [match["job"]] if match["job"] else list(depends_on(job))
        if not any(_tolerated(facts, cause) for cause in causes):
            message = "this can never run: it waits for a failure, and the queue starts nothing new after one"
            yield Problem(rule="never-runs", message=message, hint=_NEVER_HINT, route=job.route("when"))


def _tolerated(facts: Facts, job_id: str) -> bool:
    """Whether a failure of this job does not stop the queue, or nobody can tell."""
    job = facts.by_id.get(job_id)
    return job is None or facts.value(job, "allow_failure") not in (None, False)


def _readings(facts: Facts) -> Iterator[tuple[JobAt, Route, frozenset[str]]]:
    jobs = {job.number: job for job in facts.jobs}
    for route, reads in facts.deferred.items():
        if not _is_late(route):
            continue
        if route[0] == "jobs" and len(route) > 2 and route[2] != "when" and route[1] in jobs:
            yield jobs[int(route[1])], route, reads
        elif route[0] == "defaults" and len(route) > 2:
            yield from ((job, route, reads) for job in facts.jobs if route[2] not in _own(job, route[1]))
    for job in facts.jobs:
        when = facts.value(job, "when")
        if isinstance(when, str):
            route = job.route("when") if "when" in job.fields else facts.in_defaults("when")
            yield job, route, _condition(when)


_condition = lru_cache(maxsize=256)(lambda text: condition(text).reads)


def _own(job: JobAt, name: str | int) -> Mapping[str, object]:
    given = job.fields.get(canonical.JOB_ALIASES.get(str(name), str(name)))
    return given if isinstance(given, Mapping) else {}


def _not_before(job: JobAt, name: str, route: Route, *, is_after: bool) -> Problem:
    read, reader = shorten(name), shorten(job.job_id)
    message, hint = f"`{read}` may not have ended when `{reader}` starts", f"add `{read}` to `depends_on`"
    if name == job.job_id:
        message, hint = f"`{read}` reads itself", "read a job it depends on"
    elif is_after:
        message = f"`{read}` comes after `{reader}`: it has not even started when this is read"
        hint = f"read a job that `{reader}` depends on, or let a job after `{read}` read it"
    return Problem(rule="unordered-read", message=message, hint=hint, route=route)


_NEVER_HINT = (
    "add `always_run: true`, make it a handler with `on_failure`, or set the queue's `on_failure: continue`"
)
