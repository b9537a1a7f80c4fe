"""Types and regions that no price is known of: mistyped, or younger than the program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runner.canonical.machine import types_named
from runner.problems import Problem, Route, Severity, shorten
from runner.validate.facts import Facts, is_expression
from runner.validate.machine import names_a_type, route_to
from runner.validate.nearest import did_you_mean

_YOUNGER = "one that is newer than this program's prices works as well, at a cost that is not known"


def prices(facts: Facts) -> Iterator[Problem]:
    """Warnings, never errors: AWS may have what the table has not. A type counts as known in any region,
    for the table has not every type of every region."""
    if not facts.launches or not (offered := facts.around.offered()):
        return
    types = frozenset[str]().union(*offered.values())
    named = types_named(facts.machine.options)
    for number, type_ in enumerate(named):
        if not is_expression(type_) and names_a_type(type_) and type_ not in types:
            message = f"no price is known for `{shorten(type_)}`, in any region"
            yield _unpriced(message, type_, types, _to_type(facts, type_, number))
    own = facts.machine.options.get("region")
    region = own or facts.around.region
    if region and not is_expression(region) and region not in offered:
        whose = "" if own else " (`aws.region` of .github/runner.yaml)"
        message = f"no prices are known for the region `{shorten(region)}`{whose}"
        yield _unpriced(message, region, offered, route_to(facts, "region"))


def _to_type(facts: Facts, type_: str, number: int) -> Route:
    """`number`: its place among the types that are named, of which only the first may be `type`."""
    if number == 0:
        return route_to(facts, "type")
    return route_to(facts, "fallback", facts.machine.options["fallback"].index(type_))


def _unpriced(message: str, name: str, known: Iterable[str], route: Route) -> Problem:
    # Sorted, for the nearest of equally near names must be the same each time.
    all_names, family = sorted(known), name.partition(".")[0] + "."
    meant = did_you_mean(name, [one for one in all_names if one.startswith(family)])
    meant = meant or did_you_mean(name, all_names)
    hint = f"{meant} {_YOUNGER[0].upper()}{_YOUNGER[1:]}" if meant else f"check the name; {_YOUNGER}"
    return Problem(rule="no-price", message=message, hint=hint, severity=Severity.WARNING, route=route)
