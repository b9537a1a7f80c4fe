"""What jobs hold at a time, against what there is; and how many instances a job may have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from runner.problems import Problem, Route, shorten
from runner.units import parse_size
from runner.validate.facts import Facts, is_expression
from runner.validate.nearest import did_you_mean

_BUILT_IN = frozenset({"cpus", "memory", "gpus"})
_MOST_INSTANCES = 10_000


def pools(facts: Facts) -> Iterator[Problem]:
    """No job wants more than the declared pool, or a named pool that nobody declared."""
    declared = facts.fields.get("resources")
    pool: Mapping[str, Any] = declared or {}
    yield from _of(facts.defaults.get("resources"), ("defaults", "resources"), pool, declared is not None)
    for job in facts.jobs:
        if "resources" in job.fields:
            yield from _of(job.fields["resources"], job.route("resources"), pool, declared is not None)


def _of(
    wanted: Mapping[str, Any] | None, route: Route, pool: Mapping[str, Any], declared: bool
) -> Iterator[Problem]:
    for name, value in (wanted or {}).items():
        amount = _amount(name, value)
        if amount is None or not amount or name.startswith("x-"):
            continue
        if name not in pool and (declared or name not in _BUILT_IN):
            hint = did_you_mean(name, pool) or "declare it under the queue's `resources`"
            message = f"there is no pool `{shorten(name)}`"
            yield Problem(rule="pool", message=message, hint=hint, route=(*route, name), at_key=True)
        elif name in pool and amount > (_amount(name, pool[name]) or 0):
            message = f"this wants more `{shorten(name)}` than the whole queue has ({shorten(pool[name])})"
            yield Problem(
                rule="pool", message=message, hint="such a job could never start", route=(*route, name)
            )


def _amount(name: str, value: Any) -> float | None:
    """None where it is an expression that waits."""
    if is_expression(value):
        return None
    return parse_size(value) if name == "memory" else float(value)


def instances(facts: Facts) -> Iterator[Problem]:
    """A matrix of more combinations, or a list of more items, than a job may have instances."""
    for job in facts.jobs:
        if "matrix" not in job.fields and "foreach" not in job.fields:
            continue
        most = job.fields.get("max_instances", _MOST_INSTANCES)
        most = _MOST_INSTANCES if is_expression(most) else most
        for name in ("matrix", "foreach"):
            count = _count(job.fields.get(name))
            if count > most:
                message = f"`{name}` gives {count:,} instances, and {most:,} are the most"
                yield Problem(
                    rule="instances", message=message, hint="make it smaller", route=job.route(name)
                )
        if "matrix" in job.fields and "foreach" in job.fields:
            message = "`matrix` and `foreach` are both given"
            hint = "keep one: each of them makes the job's instances"
            yield Problem(
                rule="instances", message=message, hint=hint, route=job.route("foreach"), at_key=True
            )


def _count(given: Any) -> int:
    if isinstance(given, list):
        return len(given)
    if not isinstance(given, Mapping):
        return 0
    sizes = [len(v) for k, v in given.items() if k not in ("include", "exclude") and isinstance(v, list)]
    added = given.get("include")
    return prod(sizes) + (len(added) if isinstance(added, list) else 0)
