"""Everything that is wrong with a queue, at once: the schema first, then one small rule for each meaning.

Pure: what the rules know of the world outside the file comes in `Around`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from runner import schema
from runner.problems import Problem, Route
from runner.validate import (
    commands,
    durations,
    edges,
    environment,
    identity,
    limits,
    literals,
    machine,
    notes,
    offers,
    pools,
    reading,
    results,
    schedules,
)
from runner.validate.conforming import conforming
from runner.validate.facts import Around, Facts, Policy, Rule
from runner.validate.machine import as_launched

__all__ = ["Around", "Policy", "as_launched", "check"]

RULES: tuple[Rule, ...] = (
    identity.aliases,
    identity.duplicate_ids,
    identity.instance_ids,
    edges.dependencies,
    edges.handlers,
    edges.acyclic,
    reading.too_early,
    reading.readable,
    reading.never,
    durations.durations,
    durations.timeouts,
    pools.pools,
    pools.instances,
    environment.floats,
    environment.unset,
    environment.unset_secrets,
    environment.out_of_reach,
    commands.undefined,
    literals.literal_secrets,
    results.shared_paths,
    results.destination,
    results.bucket,
    schedules.schedule,
    schedules.notify,
    limits.policy,
    limits.timeouts,
    limits.secrets,
    machine.account,
    machine.forms,
    machine.architectures,
    machine.elsewhere,
    machine.sizes,
    machine.idle,
    offers.prices,
    notes.idle_retries,
    notes.not_yet,
)
MOST_OF_A_RULE = 50
"""Problems of one rule that are shown; a note says that there are more."""


def check(
    tree: Any, *, around: Around, deferred: Mapping[Route, frozenset[str]] | None = None
) -> list[Problem]:
    """The problems of a rendered tree, with routes. Where the schema finds some, the rules see the rest."""
    problems = schema.check(tree, "queue")
    if len(problems) > schema.MAX_PROBLEMS:
        return problems
    rest = conforming(tree, problems)
    if rest is None:
        return problems
    facts = Facts(rest, around, deferred or {}, [problem.route for problem in problems])
    for rule in RULES:
        problems += _bounded(rule(facts))
    return problems


def _bounded(found: Iterable[Problem]) -> list[Problem]:
    problems = list(islice(found, MOST_OF_A_RULE + 1))
    if len(problems) > MOST_OF_A_RULE:
        last = problems.pop()
        message = f"there are more than {MOST_OF_A_RULE} problems of this kind: the rest is not shown"
        problems.append(replace(last, message=message, hint="mend these first, then look again"))
    return problems
