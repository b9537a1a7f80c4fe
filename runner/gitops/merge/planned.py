"""A queue file at a commit, planned as it would run there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner import plan as plans
from runner.config import Config
from runner.load import default_id
from runner.model import Git, Plan
from runner.prepare import Prepared, prepare
from runner.problems import Problem, Severity
from runner.validate import as_launched


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """`plan` is None where the file cannot run; `problems` say why. Then its name gives `queue_id`."""

    source: str
    queue_id: str
    plan: Plan | None
    problems: tuple[Problem, ...] = ()
    needs: frozenset[str] = frozenset()
    """Params without a value, of a queue that runs by hand only: nothing is wrong with it."""

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity is Severity.ERROR]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtCommit:
    """Where and as what a file is planned. `at` is the commit's time: the same merge is the same plan."""

    checkout: Path
    git: Git
    at: float
    config: Config
    params: Mapping[str, str] = field(default_factory=dict)


def plan_file(source: str, place: AtCommit) -> Planned:
    """`source` is relative to the checkout. Nothing of the environment is read."""
    prepared = _prepared(source, place, require_params=False)
    by_hand = isinstance(prepared.tree, Mapping) and prepared.tree.get("run_on") == "manual"
    if prepared.missing and (place.params or not by_hand):
        prepared = _prepared(source, place, require_params=True)
    problems = tuple(as_launched(p for p in prepared.problems if p.rule != "unset-variable"))
    has_errors = any(problem.severity is Severity.ERROR for problem in problems)
    if prepared.queue is None or has_errors:
        needs = prepared.missing if by_hand and not has_errors else frozenset()
        return Planned(source=source, queue_id=default_id(source), plan=None, problems=problems, needs=needs)
    made = plans.make(
        prepared.queue, source=source, git=place.git, volatile=prepared.volatile, tree=prepared.tree
    )
    return Planned(source=source, queue_id=made.queue.queue_id, plan=made, problems=problems)


def _prepared(source: str, place: AtCommit, *, require_params: bool) -> Prepared:
    # Problems name a file as it was given, and are to name it as the repository does.
    with contextlib.chdir(place.checkout):
        return prepare(
            source,
            checkout=place.checkout,
            environ={},
            git=place.git,
            now=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(place.at)),
            params=place.params,
            require_params=require_params,
            config=place.config,
        )
