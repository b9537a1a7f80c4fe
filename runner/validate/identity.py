"""One name for one thing: no canonical field beside its alias, no id twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from runner import canonical
from runner.problems import Problem, Route, shorten
from runner.validate.facts import Facts, JobAt, is_expression

_INSTANCE = re.compile(r"(.+)-(?:0|[1-9]\d{0,4})")


def aliases(facts: Facts) -> Iterator[Problem]:
    for name, alias in canonical.clashes(facts.tree, canonical.QUEUE_ALIASES):
        yield _both(name, alias, (alias,))
    if "results" in facts.tree:
        yield from (_both("results", a, (a,)) for a in _S3 if a in facts.tree)
    elif "result_s3_prefix" in facts.tree and "result_s3_bucket" not in facts.tree:
        message = "`result_s3_prefix` says where in a bucket, and there is no `result_s3_bucket`"
        yield Problem(
            rule="aliases", message=message, hint=_RESULTS, route=("result_s3_prefix",), at_key=True
        )
    yield from _of_fields(facts.tree.get("defaults") or {}, ("defaults",))
    for job in facts.jobs:
        yield from _of_fields(job.own, ("jobs", job.number))


def _of_fields(fields: Mapping[str, Any], route: Route) -> Iterator[Problem]:
    for name, alias in canonical.clashes(fields, canonical.JOB_ALIASES):
        yield _both(name, alias, (*route, alias))
    if "retry" in fields:
        for name, alias in canonical.retry_clashes(fields):
            yield _both(name, alias, (*route, *alias.split(".")))


def _both(name: str, alias: str, route: Route) -> Problem:
    message = f"`{name}` and its alias `{alias}` are both given"
    return Problem(rule="aliases", message=message, hint=f"keep `{name}`", route=route, at_key=True)


def duplicate_ids(facts: Facts) -> Iterator[Problem]:
    for job in facts.jobs:
        first = facts.by_id.get(job.job_id, job)
        if first.number != job.number and not is_expression(job.job_id):
            message = f"the job id `{shorten(job.job_id)}` is taken by another job"
            yield _taken(job, message, first.route("job_id"))


def instance_ids(facts: Facts) -> Iterator[Problem]:
    """The instances of `train` are `train-0`, `train-1`…: no declared id may be one of those."""
    for job in facts.jobs:
        match = _INSTANCE.fullmatch(job.job_id)
        source = facts.by_id.get(match[1]) if match else None
        if source is not None and ("foreach" in source.fields or "matrix" in source.fields):
            message = f"`{job.job_id}` is also the id of an instance of `{source.job_id}`"
            yield _taken(job, message, source.route("job_id"))


def _taken(job: JobAt, message: str, also: Route) -> Problem:
    hint, route = "give one of them another id", job.route("job_id")
    return Problem(rule="duplicate-id", message=message, hint=hint, route=route, also=also)


_S3 = ("result_s3_bucket", "result_s3_prefix")
_RESULTS = "write `results: s3://BUCKET/PREFIX`"
