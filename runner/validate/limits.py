"""The repository's policy: what a queue may ask for."""

from __future__ import annotations

from collections.abc import Iterator

from runner.problems import Problem, Route, shorten
from runner.units import format_duration, parse_duration
from runner.validate.ceilings import among, beyond, matches
from runner.validate.facts import Facts, is_expression


def policy(facts: Facts) -> Iterator[Problem]:
    for found in beyond(facts.machine, facts.around.policy, launches=facts.launches):
        yield _refused(found.message, found.hint, _route(facts, found.field))


def timeouts(facts: Facts) -> Iterator[Problem]:
    """None beyond the longest life that the policy gives a machine, wherever the queue runs."""
    longest = facts.around.policy.max_ttl
    if longest is None:
        return
    places = [(facts.route("timeout"), facts.fields.get("timeout"))]
    places += [(facts.in_defaults("timeout"), facts.defaults.get("timeout"))]
    places += [(job.route("timeout"), job.fields.get("timeout")) for job in facts.jobs]
    for route, given in places:
        seconds = None if given is None or is_expression(given) else parse_duration(given)
        if seconds is not None and seconds > longest:
            message = f"the policy allows a `timeout` of at most {format_duration(longest)}"
            yield _refused(message, "make it shorter (`policy.max_ttl` of .github/runner.yaml)", route)


def secrets(facts: Facts) -> Iterator[Problem]:
    patterns = facts.around.policy.secrets
    if patterns is None:
        return
    places = [(facts.in_defaults("secrets"), facts.defaults.get("secrets"))]
    places += [(job.route("secrets"), job.fields.get("secrets")) for job in facts.jobs]
    for route, given in places:
        for name, source in (given or {}).items():
            if not is_expression(source) and not matches(source, patterns):
                message = f"the policy does not allow the source of the secret `{shorten(name)}`"
                yield _refused(message, among(patterns, "secrets"), (*route, name))


def _route(facts: Facts, name: str) -> Route:
    """To the field, to `machine`, or to the whole file where the machine comes from the configuration."""
    own = facts.fields.get("machine") or {}
    if name in own:
        return ("machine", name)
    return ("machine",) if own else ()


def _refused(message: str, hint: str, route: Route) -> Problem:
    return Problem(rule="policy", message=message, hint=hint, route=route)
