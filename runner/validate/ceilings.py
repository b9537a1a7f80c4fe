"""What the policy lets a machine be: said where it is planned, and asked again where it is launched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from runner.canonical.machine import DEFAULT_TTL, types_named
from runner.model import Machine
from runner.problems import shorten
from runner.units import format_duration, format_size, parse_duration, parse_size
from runner.validate.facts import Policy, is_expression

DEFAULT_DISK = 30 << 30
"""Bytes, where nothing says."""
_IN_WORDS = f"{DEFAULT_DISK >> 30} GiB ({format_size(DEFAULT_DISK)})"
_LISTS = (
    ("ami", "amis"),
    ("subnet", "subnets"),
    ("region", "regions"),
    ("instance_profile", "instance_profiles"),
)
_PRIVILEGED = frozenset({"root", "0"})


class Beyond(NamedTuple):
    """One thing that the policy does not allow, and the field of `machine` that it is about."""

    field: str
    message: str
    hint: str


def beyond(machine: Machine, allowed: Policy, *, launches: bool) -> Iterator[Beyond]:
    """`launches`: it will be asked for, so that what the queue does not say has its default. What the
    configuration itself says under `aws` is allowed."""
    options = machine.options
    yield from _listed("provider", machine.provider, allowed.providers, "providers")
    yield from _types(options, allowed.machine_types, launches=launches)
    for name, names in _LISTS:
        yield from _listed(name, options.get(name), getattr(allowed, names), names)
    yield from _ttl(options, allowed.max_ttl, launches=launches)
    yield from _disk(options, allowed.max_disk, launches=launches)
    if allowed.require_user and machine.provider != "local":
        yield from _user(options.get("user"))


def matches(value: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)


def among(patterns: tuple[str, ...], limit: str) -> str:
    shown = ", ".join(patterns[:6]) or "none"
    return f"allowed are: {shown} (`policy.{limit}` of .github/runner.yaml)"


def _listed(name: str, value: Any, patterns: tuple[str, ...] | None, limit: str) -> Iterator[Beyond]:
    if patterns is None or not isinstance(value, str) or is_expression(value) or matches(value, patterns):
        return
    yield Beyond(name, f"the policy does not allow `{name}: {shorten(value)}`", among(patterns, limit))


def _types(options: dict[str, Any], patterns: tuple[str, ...] | None, *, launches: bool) -> Iterator[Beyond]:
    first, *others = types_named(options)
    if options.get("type") or launches:
        yield from _listed("type", first, patterns, "machine_types")
    for other in others:
        yield from _listed("fallback", other, patterns, "machine_types")


def _ttl(options: dict[str, Any], longest: float | None, *, launches: bool) -> Iterator[Beyond]:
    given = options.get("ttl")
    ttl = DEFAULT_TTL if given is None and launches else given
    seconds = None if ttl is None or is_expression(ttl) else parse_duration(ttl)
    if longest is not None and seconds is not None and seconds > longest:
        hint = (
            "make it shorter" if given is not None else f"set one: the default is {format_duration(seconds)}"
        )
        yield Beyond("ttl", f"the policy allows a `ttl` of at most {format_duration(longest)}", hint)


def _disk(options: dict[str, Any], largest: int | None, *, launches: bool) -> Iterator[Beyond]:
    given = options.get("disk")
    disk = DEFAULT_DISK if given is None and launches else given
    size = None if disk is None or is_expression(disk) else parse_size(disk)
    if largest is not None and size is not None and size > largest:
        hint = "make it smaller" if given is not None else f"set one: the default is {_IN_WORDS}"
        yield Beyond("disk", f"the policy allows a `disk` of at most {format_size(largest)}", hint)


def _user(user: Any) -> Iterator[Beyond]:
    if not user or (isinstance(user, str) and user in _PRIVILEGED):
        hint = "set `machine.user` to one that has none"
        yield Beyond("user", "the policy wants jobs to run without root rights", hint)
