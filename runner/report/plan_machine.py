"""The machine of a plan in words: which one, for how long, and what its loss would mean.

`mark` makes texts of the file fit for where they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runner.canonical.machine import DEFAULT_TTL, is_spot, region_named, types_named
from runner.model import Machine
from runner.plan import Preview
from runner.plan.words import counted
from runner.units import format_duration, format_size, parse_duration, parse_size

Mark = Callable[[str], str]
_SHOWN = 4


def short(machine: Machine) -> str:
    """`local`, `ec2 m7i.large`."""
    if machine.provider == "ec2":
        return f"ec2 {types_named(machine.options)[0]}"
    kind = machine.options.get("type")
    return f"{machine.provider} {kind}" if isinstance(kind, str) else machine.provider


def machine(preview: Preview, mark: Mark = str) -> str:
    """`EC2 m7i.large (else m7a.large), spot then on-demand, us-east-1, 4h at most, Ubuntu 24.04`; "" where
    nothing is launched.
    """
    found = preview.plan.queue.machine
    if found.provider != "ec2":
        return ""
    region = region_named(found.options, preview.cost.region if preview.cost is not None else "")
    return ", ".join((_types(found.options, mark), *_details(found.options, region, mark)))


def again(preview: Preview, mark: Mark = str, shown: int = 8) -> str:
    """`a, b and 3 more (they declare no results that the others could go on with)`; "" for none."""
    jobs = preview.facts.runs_again
    if not jobs:
        return ""
    rest = len(jobs) - shown
    named = ", ".join(map(mark, jobs[:shown])) + (f" and {rest:,} more" if rest > 0 else "")
    noun = "it declares" if len(jobs) == 1 else "they declare"
    return f"{named} would run again: {noun} no results, and other jobs go on from what {_left(len(jobs))}"


def _left(count: int) -> str:
    return "it leaves" if count == 1 else "they leave"


def _types(options: Mapping[str, Any], mark: Mark) -> str:
    first, *others = types_named(options)
    named = ", ".join(map(mark, others[:_SHOWN]))
    more = f" and {counted(len(others) - _SHOWN, 'more type')}" if len(others) > _SHOWN else ""
    return f"EC2 {mark(first)}" + (f" (else {named}{more})" if others else "")


def _details(options: Mapping[str, Any], region: str, mark: Mark) -> Iterator[str]:
    yield "spot then on-demand" if is_spot(options) else "on-demand"
    if region:
        yield mark(region)
    yield f"{_amount(options.get('ttl', DEFAULT_TTL), parse_duration, format_duration, mark)} at most"
    yield mark(str(options["ami"])) if options.get("ami") else "Ubuntu 24.04"
    if options.get("disk"):
        yield f"{_amount(options['disk'], parse_size, format_size, mark)} disk"
    if options.get("user"):
        yield f"jobs as {mark(str(options['user']))}"


def _amount(value: Any, parse: Callable[[Any], Any], show: Callable[[Any], str], mark: Mark) -> str:
    """As we write it; what is not known yet, or is none, as the file does."""
    known = parse(value) if isinstance(value, str | int | float) else None
    return mark(str(value)) if known is None else show(known)
