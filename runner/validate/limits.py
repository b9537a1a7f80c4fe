"""The repository's policy: what a queue may ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from runner.canonical.machine import machine_of
from runner.problems import Problem, Route, shorten
from runner.units import format_duration, format_size, parse_duration, parse_size
from runner.validate.facts import Facts, is_expression

_LISTS = (
    ("ami", "amis"),
    ("subnet", "subnets"),
    ("region", "regions"),
    ("instance_profile", "instance_profiles"),
)


def policy(facts: Facts) -> Iterator[Problem]:
    machine = machine_of(facts.fields, facts.around.machine)
    allowed = facts.around.policy
    yield from _listed("provider", machine.provider, allowed.providers, "providers", facts)
    yield from _listed("type", machine.options.get("type"), allowed.machine_types, "machine_types", facts)
    for value in _texts(machine.options.get("fallback")):
        yield from _listed("fallback", value, allowed.machine_types, "machine_types", facts)
    for name, names in _LISTS:
        yield from _listed(name, machine.options.get(name), getattr(allowed, names), names, facts)
    yield from _bounds(facts, machine.options)
    if allowed.require_user and machine.provider != "local" and not machine.options.get("user"):
        message = "the policy wants jobs to run without root rights"
        yield _refused(message, "set `machine.user`", _route(facts, "user"))


def secrets(facts: Facts) -> Iterator[Problem]:
    patterns = facts.around.policy.secrets
    if patterns is None:
        return
    places = [(facts.in_defaults("secrets"), facts.defaults.get("secrets"))]
    places += [(job.route("secrets"), job.fields.get("secrets")) for job in facts.jobs]
    for route, given in places:
        for name, source in (given or {}).items():
            if not is_expression(source) and not _matches(source, patterns):
                message = f"the policy does not allow the source of the secret `{shorten(name)}`"
                yield _refused(message, _among(patterns, "secrets"), (*route, name))


def _bounds(facts: Facts, options: dict[str, Any]) -> Iterator[Problem]:
    allowed = facts.around.policy
    ttl, disk = options.get("ttl"), options.get("disk")
    seconds = None if ttl is None or is_expression(ttl) else parse_duration(ttl)
    if seconds is not None and allowed.max_ttl is not None and seconds > allowed.max_ttl:
        limit = format_duration(allowed.max_ttl)
        yield _refused(
            f"the policy allows a `ttl` of at most {limit}", "make it shorter", _route(facts, "ttl")
        )
    size = None if disk is None or is_expression(disk) else parse_size(disk)
    if size is not None and allowed.max_disk is not None and size > allowed.max_disk:
        limit = format_size(allowed.max_disk)
        yield _refused(
            f"the policy allows a `disk` of at most {limit}", "make it smaller", _route(facts, "disk")
        )


def _listed(
    name: str, value: Any, patterns: tuple[str, ...] | None, limit: str, facts: Facts
) -> Iterator[Problem]:
    if patterns is None or not isinstance(value, str) or is_expression(value) or _matches(value, patterns):
        return
    message = f"the policy does not allow `{name}: {shorten(value)}`"
    yield _refused(message, _among(patterns, limit), _route(facts, name))


def _matches(value: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)


def _among(patterns: tuple[str, ...], limit: str) -> str:
    shown = ", ".join(patterns[:6]) or "none"
    return f"allowed are: {shown} (`policy.{limit}` of .github/runner.yaml)"


def _route(facts: Facts, name: str) -> Route:
    """To the field, or to the whole file where the machine comes from the configuration."""
    return ("machine", name) if name in (facts.fields.get("machine") or {}) else ()


def _texts(given: Any) -> list[str]:
    return [item for item in given if isinstance(item, str)] if isinstance(given, list) else []


def _refused(message: str, hint: str, route: Route) -> Problem:
    return Problem(rule="policy", message=message, hint=hint, route=route)
