"""What is allowed and does not do what one might think."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runner.canonical.support import refused, unsupported
from runner.problems import Problem, Route, Severity
from runner.validate.facts import Facts

_HOW = frozenset({"retry_delay", "retry_strategy"})
_REFUSED = "`run` refuses such a queue"
_UNSUPPORTED = "a run goes on without it"


def not_yet(facts: Facts) -> Iterator[Problem]:
    """Features of the language that this version does not execute, a sentence each."""
    fields = {**facts.fields, "jobs": [job.fields for job in facts.jobs]}
    for note, hint in [(n, _REFUSED) for n in refused(fields, facts.machine.provider)] + [
        (n, _UNSUPPORTED) for n in unsupported(fields)
    ]:
        yield _warning("not-yet", note.sentence, hint, note.route)


def idle_retries(facts: Facts) -> Iterator[Problem]:
    """Fields that say how a job is tried again, where nothing says how often."""
    yield from _idle(facts.defaults, ("defaults",), needs_count=False)
    for job in facts.jobs:
        if "retry" in job.fields or ("retry_count" not in job.fields and not _HOW.isdisjoint(job.fields)):
            yield from _idle(job.fields, ("jobs", job.number), needs_count=True)


def _idle(fields: Mapping[str, Any], route: Route, *, needs_count: bool) -> Iterator[Problem]:
    full = fields.get("retry") or {}
    how = next((name for name in ("retry_delay", "retry_strategy", "retry") if name in fields), None)
    counted = "retry_count" in fields or "max_attempts" in full
    if how is not None and not counted and (full or how != "retry") and needs_count and full.keys() != {"on"}:
        message = f"`{how}` says how the job is tried again, and nothing says how often: it never is"
        yield _warning("never-retried", message, "add `retry_count`", (*route, how), at_key=True)
    if "jitter" in full and full.get("backoff", fields.get("retry_strategy", "fixed")) == "fixed":
        message = "`jitter` does nothing here: fixed delays do not vary"
        hint = "use `exponential-jitter`"
        yield _warning("never-retried", message, hint, (*route, "retry", "jitter"), at_key=True)


def _warning(rule: str, message: str, hint: str, route: Route, *, at_key: bool = False) -> Problem:
    return Problem(
        rule=rule, message=message, hint=hint, severity=Severity.WARNING, route=route, at_key=at_key
    )
