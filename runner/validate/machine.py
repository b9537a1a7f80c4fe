"""A machine that is launched for the queue: that it can be, and that what is said of it means something."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from runner.canonical.machine import architecture_of, types_named
from runner.problems import Problem, Route, Severity, shorten
from runner.units import format_duration, format_size, parse_duration, parse_size
from runner.validate.facts import Facts, is_expression

_ENDS_A_LAUNCH = frozenset({"no-account", "not-on-machine"})
_NEEDED = ("region", "bucket", "instance_profile")
NAME_AN_ACCOUNT = (
    "write `aws: {region: us-east-1, bucket: my-runs, instance_profile: runner-instance}` into "
    ".github/runner.yaml; docs/aws.md of runner says how an account gets these"
)
_TIED = ("security_group", "subnets")
SHORTEST = 300.0
"""Seconds: a machine boots, and stores everything before its end."""
_HOURS = 24
_LARGEST_DISK = 64 << 40
_SMALLEST_DISK = 10**9
"""Bytes. EC2 counts in GiB: less is a number that lacks its unit."""
_FORMS = {
    "type": (
        re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+"),
        "an instance type",
        "family and size, as in `m7i.large`",
    ),
    "subnet": (re.compile(r"subnet-\w+", re.ASCII), "the id of a subnet", "its id, as in `subnet-0abc1234`"),
    "user": (
        re.compile(r"[a-z_][a-z0-9_-]{0,31}"),
        "the name of a user",
        "lower-case letters, digits, `_` and `-`, as in `ubuntu`",
    ),
    "instance_profile": (
        re.compile(r"[\w+=,.@-]{1,128}", re.ASCII),
        "the name of an instance profile",
        "the name alone, not its ARN",
    ),
}


def names_a_type(text: str) -> bool:
    return _FORMS["type"][0].fullmatch(text) is not None


def as_launched(problems: Iterable[Problem]) -> list[Problem]:
    """The same, where a machine is about to be launched, or agreed to.

    What would end that before the first job is an error then; elsewhere the file is still right.
    """
    return [
        replace(problem, severity=Severity.ERROR) if problem.rule in _ENDS_A_LAUNCH else problem
        for problem in problems
    ]


def account(facts: Facts) -> Iterator[Problem]:
    """What the launch needs from the configuration, where the queue does not say it itself.

    A warning: the file is right, and an account may come later. See `as_launched`.
    """
    if not facts.launches:
        return
    own = facts.machine.options
    missing = [name for name in _NEEDED if name not in facts.around.account and not own.get(name)]
    if missing:
        message = f"no machine can be launched: .github/runner.yaml does not set {_listed(missing)}"
        route = route_to(facts, "provider")
        yield Problem(
            rule="no-account", message=message, hint=NAME_AN_ACCOUNT, severity=Severity.WARNING, route=route
        )


def forms(facts: Facts) -> Iterator[Problem]:
    """Texts that EC2 would refuse, or that would be another thing than is meant."""
    if not facts.launches:
        return
    fallback = facts.machine.options.get("fallback")
    others = fallback if isinstance(fallback, list) else []
    texts = [(name, facts.machine.options.get(name), route_to(facts, name)) for name in _FORMS]
    texts += [("type", other, route_to(facts, "fallback", at)) for at, other in enumerate(others)]
    for name, value, route in texts:
        pattern, what, example = _FORMS[name]
        if isinstance(value, str) and not is_expression(value) and not pattern.fullmatch(value):
            yield _problem(f"`{shorten(value)}` is not {what}", f"write {example}", route)


def architectures(facts: Facts) -> Iterator[Problem]:
    """One image boots the machine, whichever type is to be had."""
    types = types_named(facts.machine.options)
    if not facts.launches or any(is_expression(type_) for type_ in types):
        return
    first = architecture_of(types[0])
    odd = [type_ for type_ in types if architecture_of(type_) != first]
    if odd:
        kinds = {"arm64": "an ARM machine", "x86_64": "an x86 machine"}
        message = (
            f"`{shorten(odd[0])}` is {kinds[architecture_of(odd[0])]} and `{shorten(types[0])}` is "
            f"{kinds[first]}: no image boots both"
        )
        at = facts.machine.options["fallback"].index(odd[0])
        hint = "name types of one architecture in `type` and `fallback`"
        yield _problem(message, hint, route_to(facts, "fallback", at))


def elsewhere(facts: Facts) -> Iterator[Problem]:
    """A security group and a subnet are in one region, and so is all that is launched with them."""
    own, home = facts.machine.options, facts.around.region
    region = _known(facts, "region")
    if not facts.launches or not region or not home or region == home:
        return
    tied = [
        name
        for name in _TIED
        if name in facts.around.account and not (name == "subnets" and own.get("subnet"))
    ]
    if tied:
        message = f"nothing can be launched in `{shorten(region)}`: {_listed(tied)} of .github/runner.yaml "
        message += f"{'are' if len(tied) > 1 else 'is'} in {home}"
        hint = f"leave `region` out, or take {_listed(tied)} out of the settings"
        yield _problem(message, hint, route_to(facts, "region"))


def sizes(facts: Facts) -> Iterator[Problem]:
    if not facts.launches:
        return
    ttl, disk = _known(facts, "ttl"), _known(facts, "disk")
    seconds = None if ttl is None else parse_duration(ttl)
    if seconds is not None and seconds < SHORTEST:
        least = format_duration(SHORTEST)
        message = f"a machine that lives {format_duration(seconds)} is gone before its jobs have done much"
        hint = _of_time(ttl) or f"it boots first and stores everything last: at least {least}"
        yield _problem(message, hint, route_to(facts, "ttl"))
    size = None if disk is None else parse_size(disk)
    if size is not None and not _SMALLEST_DISK <= size <= _LARGEST_DISK:
        message = f"no disk has {format_size(size)}"
        hint = _without_unit(disk) or (
            f"from 1GB to {format_size(_LARGEST_DISK)}; leave it out for what the image needs"
        )
        yield _problem(message, hint, route_to(facts, "disk"))


def idle(facts: Facts) -> Iterator[Problem]:
    """Fields that do nothing on the machine that the queue has."""
    if not facts.has_whole_machine:  # it may well have another provider than is left of it
        return
    own = facts.fields.get("machine") or {}
    if facts.machine.provider == "ec2":
        names, why = [name for name in ("image",) if name in own], "on EC2 jobs run without containers"
        hint = "leave it out; `ami` names the image of the machine"
    elif facts.machine.provider == "local":
        names = [name for name in own if name != "provider" and not name.startswith("x-")]
        why = "the queue runs where it is started (`provider: local`)"
        hint = "add `provider: ec2`, or leave it out"
    else:
        return
    if names:
        message = f"`machine.{shorten(names[0])}` does nothing: {why}"
        yield Problem(
            rule="idle-field",
            message=message,
            hint=hint,
            severity=Severity.WARNING,
            route=("machine", names[0]),
            at_key=True,
        )


def _without_unit(disk: Any) -> str:
    """A number alone counts bytes; whoever writes one means gigabytes."""
    digits = str(disk).strip()
    return f"did you mean `{digits}GB`?" if re.fullmatch(r"[1-9]\d{0,4}", digits) else ""


def _of_time(ttl: Any) -> str:
    """A number alone counts seconds; whoever writes one means hours or minutes."""
    digits = str(ttl).strip()
    if not re.fullmatch(r"[1-9]\d{0,2}", digits):
        return ""
    unit = "h" if int(digits) <= _HOURS else "m"
    return f"did you mean `{digits}{unit}`? A number alone counts seconds"


def _listed(names: list[str]) -> str:
    named = [f"`aws.{name}`" for name in names]
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))


def _known(facts: Facts, name: str) -> Any:
    value = facts.machine.options.get(name)
    return None if is_expression(value) else value


def route_to(facts: Facts, name: str, *more: int) -> Route:
    """To the field, to `machine`, or to the whole file where the machine comes from the configuration."""
    own = facts.fields.get("machine") or {}
    if name in own:
        return ("machine", name, *more)
    return ("machine",) if own else ()


def _problem(message: str, hint: str, route: Route) -> Problem:
    return Problem(rule="machine", message=message, hint=hint, route=route)
