"""Where results go: one path from two jobs, and a bucket without the means to reach it."""

from __future__ import annotations

from collections.abc import Iterator

from runner.problems import Problem, Route, Severity, shorten
from runner.validate.facts import Facts, JobAt, is_expression

_SHARED = ("", ".")


def shared_paths(facts: Facts) -> Iterator[Problem]:
    """Two jobs with one result path: they may overwrite each other's file before it is stored."""
    seen: dict[tuple[str, str], tuple[JobAt, int]] = {}
    told: set[tuple[str, str]] = set()
    for job in facts.jobs:
        paths = job.fields.get("result_files") or ()
        folder = facts.value(job, "working_directory") or "" if paths else ""
        for index, path in enumerate(paths):
            if path in _SHARED or not isinstance(path, str) or is_expression(path):
                continue
            key = (folder, path.removeprefix("./"))
            first, place = seen.setdefault(key, (job, index))
            if first is not job and key not in told:
                told.add(key)
                also = first.route("result_files", place)
                yield _shared(path, first.job_id, job.route("result_files", index), also)


def _shared(path: str, first: str, route: Route, also: Route) -> Problem:
    return Problem(
        rule="shared-result",
        message=f"`{shorten(path)}` is a result of the job `{shorten(first)}` too",
        hint="give each job a path of its own, or let them write below $RUNNER_RESULT_DIR",
        severity=Severity.WARNING,
        route=route,
        also=also,
    )


def destination(facts: Facts) -> Iterator[Problem]:
    name = "result_s3_bucket" if "result_s3_bucket" in facts.fields else "results"
    given = facts.fields.get(name)
    is_s3 = name == "result_s3_bucket" or str(given).startswith("s3://")
    if given is not None and facts.launches:
        yield _kept_elsewhere(name)
    if given is None or not is_s3 or facts.machine.provider != "local" or facts.around.has_aws:
        return
    message = "results go to S3, and this run has no `aws` configuration: they stay on this machine"
    hint = "add `aws:` to .github/runner.yaml"
    yield Problem(rule="destination", message=message, hint=hint, severity=Severity.WARNING, route=(name,))


def _kept_elsewhere(name: str) -> Problem:
    message = "what runs on a machine is kept in the bucket that `aws` of .github/runner.yaml names, not here"
    hint = "leave it out"
    return Problem(rule="destination", message=message, hint=hint, severity=Severity.WARNING, route=(name,))


def bucket(facts: Facts) -> Iterator[Problem]:
    given = facts.fields.get("results")
    if isinstance(given, str) and given.startswith("s3:") and not given.removeprefix("s3://").strip("/"):
        yield Problem(
            rule="destination",
            message="this URL names no bucket",
            hint="write `s3://BUCKET/PREFIX`",
            route=("results",),
        )
