"""Where a queue runs: its own `machine` over the configured one; and what the name of an EC2 type says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from runner.model import Machine
from runner.units import parse_duration

DEFAULT_TYPE = "m7i.large"
DEFAULT_TTL = 4 * 3600.0
"""Seconds that a machine lives at most where nothing says."""
_ARM = re.compile(r"a1|[a-z]+\d+[a-z]*g[a-z]*|.*-gb\d+")
_SIZE = re.compile(r"(?:(\d{0,3})x)?large")


def machine_of(fields: Mapping[str, Any], configured: Mapping[str, Any]) -> Machine:
    """The queue's machine over the configured one; the latter does not count for another provider."""
    own = fields.get("machine") or {}
    base = configured if own.get("provider") in (None, configured.get("provider")) else {}
    options = {key: value for key, value in {**base, **own}.items() if not key.startswith("x-")}
    return Machine(provider=options.pop("provider", "local"), options=options)


def types_named(options: Mapping[str, Any]) -> tuple[str, ...]:
    """All types that a machine with these options may have, each once, as they are tried."""
    fallback = options.get("fallback")
    others = fallback if isinstance(fallback, list | tuple) else ()
    return tuple(dict.fromkeys(map(str, (options.get("type") or DEFAULT_TYPE, *others))))


def region_named(options: Mapping[str, Any], otherwise: str) -> str:
    """Where a machine with these options lives; `otherwise`: where those are that name no region."""
    return str(options.get("region") or otherwise)


def ttl_of(machine: Machine) -> float:
    """Seconds. For a plan of a stranger, too, which may say anything."""
    given = machine.options.get("ttl")
    return (parse_duration(given) if isinstance(given, str | int | float) else None) or DEFAULT_TTL


def is_spot(options: Mapping[str, Any]) -> bool:
    """Whether spot capacity is asked for first. A text where the value came from a parameter."""
    asked = options.get("spot")
    return asked is True or (isinstance(asked, str) and asked.strip().lower() == "true")


def architecture_of(type_: str) -> str:
    """`arm64` or `x86_64`, in EC2's words: Graviton families have a `g` behind their generation."""
    return "arm64" if _ARM.fullmatch(type_.partition(".")[0]) else "x86_64"


def cpus_of(types: Iterable[str]) -> int | None:
    """Processors that whichever of these types has at least; None where a name does not say."""
    found = [_cpus(type_) for type_ in types]
    known = [count for count in found if count is not None]
    return min(known) if known and len(known) == len(found) else None


def _cpus(type_: str) -> int | None:
    """`large` has two, `xlarge` four, `8xlarge` eight times as many; families for HPC have fewer."""
    family, _, size = type_.partition(".")
    match = _SIZE.fullmatch(size)
    if match is None or family.startswith("hpc"):
        return None
    return 2 if match[1] is None else 4 * int(match[1] or 1)
