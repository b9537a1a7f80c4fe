"""The plan: what runs, to the byte, what can be said of it beforehand, and what changed.

`make` → `Plan`, `to_json` and `from_json` its file, `analyse` → `Facts`, `compare` → `Changes`; a
`Preview` has all three for the reporters. Pure: no clock, no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runner import __version__
from runner.model import Git, Plan, Queue
from runner.plan.changes import Changes, FieldChange, JobChange, Renamed
from runner.plan.codec import from_json, queue_form, queue_from, to_json
from runner.plan.compare import compare
from runner.plan.cost import Cost, cost_of
from runner.plan.digest import digest_of
from runner.plan.facts import Bound, Facts, JobFacts, analyse
from runner.plan.prices import Prices
from runner.plan.symbolic import make_symbolic
from runner.plan.waits import Wait
from runner.problems import Problem, Route

__all__ = [
    "Bound",
    "Changes",
    "Cost",
    "Facts",
    "FieldChange",
    "JobChange",
    "JobFacts",
    "Preview",
    "Prices",
    "Renamed",
    "Wait",
    "analyse",
    "compare",
    "cost_of",
    "from_json",
    "make",
    "symbolic",
    "to_json",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """All that a plan report shows. `changes` is None where there was nothing to compare with.

    `base` names what it was compared with, `problems` are the validation's warnings, placed. `cost` is None
    where no machine is paid for.
    """

    plan: Plan
    facts: Facts
    cost: Cost | None = None
    changes: Changes | None = None
    base: str = ""
    problems: tuple[Problem, ...] = ()


def make(
    queue: Queue,
    *,
    source: str,
    git: Git,
    volatile: Mapping[Route, str] | None = None,
    tree: Mapping[str, Any] | None = None,
    runner_version: str = __version__,
) -> Plan:
    """The plan of a validated queue. `volatile` and `tree` come from rendering, see `digest_of`."""
    digest = digest_of(queue, runner_version=runner_version, volatile=volatile, tree=tree)
    return Plan(queue=queue, digest=digest, source=source, git=git, runner_version=runner_version)


def symbolic(
    queue: Queue,
    *,
    source: str,
    volatile: Mapping[Route, str] | None = None,
    tree: Mapping[str, Any] | None = None,
    runner_version: str = __version__,
) -> tuple[Plan, tuple[Route, ...]]:
    """The plan as it is reviewed, before anybody knows `git` and `now`: their raw texts stand in it.

    Its digest is that of `make`, and can be computed again from the plan alone. The routes are those of
    leaves that no raw text can stand for (a timeout, an id): with any of them the plan is the rendered
    one, and that does not hold.
    """
    made = make(queue, source=source, git=Git(), volatile=volatile, tree=tree, runner_version=runner_version)
    if not volatile:
        return made, ()
    found = make_symbolic(queue_form(queue), volatile, tree or {})
    if found.odd:
        return made, found.odd
    return replace(made, queue=queue_from(found.form)), ()
