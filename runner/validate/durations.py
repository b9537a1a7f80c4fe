"""Times: that they are some, and that none is longer than what surrounds it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from runner.canonical.machine import DEFAULT_TTL
from runner.problems import Problem, Route, Severity
from runner.units import format_duration, parse_duration
from runner.validate.facts import Facts, is_expression

_JOB = ("timeout", "kill_grace", "retry_delay")
_RETRY = ("base_delay", "delay", "max_delay")
_QUEUE = ("timeout", "cleanup_timeout")
_POSITIVE = frozenset({"timeout"})


def durations(facts: Facts) -> Iterator[Problem]:
    """Each is a time of at most a year; a timeout of nothing would end everything at once."""
    for name in _QUEUE:
        yield from _time(name, facts.fields.get(name), facts.route(name))
    machine = facts.fields.get("machine") or {}
    yield from _time("ttl", machine.get("ttl"), ("machine", "ttl"))
    yield from _of_fields(facts.defaults, ("defaults",))
    for job in facts.jobs:
        yield from _of_fields(job.fields, ("jobs", job.number))


def _of_fields(fields: Any, route: Route) -> Iterator[Problem]:
    for name in _JOB:
        if name in fields:
            yield from _time(name, fields[name], (*route, name))
    for name in _RETRY if "retry" in fields else ():
        yield from _time(name, fields["retry"].get(name), (*route, "retry", name))


_parsed = lru_cache(maxsize=4096)(parse_duration)


def _time(name: str, value: Any, route: Route) -> Iterator[Problem]:
    if value is None or is_expression(value):
        return
    seconds = _parsed(value)
    if seconds is None:
        yield Problem(rule="duration", message=f"`{name}` is longer than a year", route=route, hint=_EXAMPLES)
    elif not seconds and name in _POSITIVE:
        message = "a `timeout` of nothing ends everything at once"
        yield Problem(rule="duration", message=message, hint="leave it out for no bound", route=route)


def timeouts(facts: Facts) -> Iterator[Problem]:
    """No timeout beyond the queue's own, or beyond the life of its machine."""
    queue = _seconds(facts.fields.get("timeout"))
    ttl, own = _ttl(facts)
    if queue is not None and ttl is not None and queue > ttl:
        yield _longer(facts.route("timeout"), queue, "life of its machine (`ttl`)", ttl, own)
    for route, seconds in _timeouts(facts):
        if queue is not None and seconds > queue:
            yield _longer(route, seconds, "queue's own `timeout`", queue, True)
        elif ttl is not None and seconds > ttl:
            yield _longer(route, seconds, "life of the machine (`ttl`)", ttl, own)


def _timeouts(facts: Facts) -> Iterator[tuple[Route, float]]:
    default = _seconds(facts.defaults.get("timeout"))
    if default is not None:
        yield ("defaults", "timeout"), default
    for job in facts.jobs:
        seconds = _seconds(job.fields.get("timeout"))
        if seconds is not None:
            yield job.route("timeout"), seconds


def _ttl(facts: Facts) -> tuple[float | None, bool]:
    """The machine's life, and whether the queue itself sets it. A queue that runs here has none."""
    own = facts.fields.get("machine") or {}
    if "ttl" in own:
        return _seconds(own["ttl"]), True
    if facts.machine.provider == "local" or facts.around.here:
        return None, False
    ttl = facts.machine.options.get("ttl")
    return _seconds(DEFAULT_TTL if ttl is None and facts.launches else ttl), False


def _longer(route: Route, seconds: float, what: str, bound: float, own: bool) -> Problem:
    here, there = format_duration(seconds), format_duration(bound)
    return Problem(
        rule="timeout-too-long",
        message=f"this timeout of {here} is longer than the {what}, {there}",
        hint="make it shorter, or the other longer",
        severity=Severity.ERROR if own else Severity.WARNING,
        route=route,
    )


def _seconds(value: Any) -> float | None:
    return None if value is None or is_expression(value) else _parsed(value)


_EXAMPLES = "write a time such as `30s`, `1h 30m` or `2d`"
