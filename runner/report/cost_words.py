"""What the machines of a run cost, in words: at most that much beforehand, and at most that much afterwards.

`mark` makes texts of the file, and amounts, fit for where they are shown: two dollar signs in one line of
Markdown may become a formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from runner.plan import Cost
from runner.plan.cost import AROUND
from runner.units import format_duration

Mark = Callable[[str], str]
_NO_REGION = "no region is set (`aws.region` in .github/runner.yaml, or `machine.region`)"
_TYPES = 4
"""Types that are named."""


def money(dollars: float) -> str:
    """Rounded up to a cent: what is shown has to be a bound as well."""
    cents = math.ceil(round(dollars * 100, 6))
    return f"${cents // 100:,}.{cents % 100:02d}"


def at_most(cost: Cost, mark: Mark = str) -> str:
    """`at most $1.21`, `unknown`."""
    return "unknown" if cost.dollars is None else f"at most {mark(money(cost.dollars))}"


def sentence(cost: Cost, mark: Mark = str) -> str:
    """The bound with all that it is made of, or why there is none."""
    if cost.dollars is None:
        return f"unknown: {_unknown(cost, mark)}"
    return (
        f"{at_most(cost, mark)} ({_type(cost, mark)}, {mark(cost.region)}, {mark(_hourly(cost.price))}/h × "
        f"{_life(cost)} × {_machines(cost)}; {_without(cost)}; prices of {cost.as_of})"
    )


def _unknown(cost: Cost, mark: Mark) -> str:
    return (
        f"no price known for {_list(cost.unknown, mark)} in {mark(cost.region)}"
        if cost.region
        else _NO_REGION
    )


def _type(cost: Cost, mark: Mark) -> str:
    others = "" if len(cost.types) == 1 else f", the dearest of {_list(cost.types, mark)}"
    return f"{mark(cost.type)}{others}"


def _list(types: tuple[str, ...], mark: Mark) -> str:
    return ", ".join(map(mark, types[:_TYPES])) + (", …" if len(types) > _TYPES else "")


def _hourly(price: float) -> str:
    whole, _, rest = f"{price:.6f}".rstrip("0").partition(".")
    return f"${whole}.{rest:0<2}"


def _life(cost: Cost) -> str:
    life = format_duration(math.ceil(cost.seconds / 60) * 60)
    if cost.by == "ttl":
        return life
    return f"{life} (its timeouts, and {format_duration(AROUND)} to boot and to store)"


def _machines(cost: Cost) -> str:
    resumes = cost.machines - 1
    return f"{cost.machines} machines: first + {resumes} automatic resumes"


def _without(cost: Cost) -> str:
    return "instance only, without CPU credits" if cost.is_burstable else "instance only"
