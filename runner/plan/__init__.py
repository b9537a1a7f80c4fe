"""The plan: what runs, to the byte, what can be said of it beforehand, and what changed.

`make` → `Plan`, `to_json` and `from_json` its file, `analyse` → `Facts`, `compare` → `Changes`; a
`Preview` has all three for the reporters. Pure: no clock, no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner import __version__
from runner.model import Git, Plan, Queue
from runner.plan.changes import Changes, FieldChange, JobChange, Renamed
from runner.plan.codec import from_json, to_json
from runner.plan.compare import compare
from runner.plan.digest import digest_of
from runner.plan.facts import Bound, Facts, JobFacts, analyse
from runner.plan.waits import Wait
from runner.problems import Problem, Route

__all__ = [
    "Bound",
    "Changes",
    "Facts",
    "FieldChange",
    "JobChange",
    "JobFacts",
    "Preview",
    "Renamed",
    "Wait",
    "analyse",
    "compare",
    "from_json",
    "make",
    "to_json",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """All that a plan report shows. `changes` is None where there was nothing to compare with.

    `base` names what it was compared with, `problems` are the validation's warnings, placed.
    """

    plan: Plan
    facts: Facts
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
