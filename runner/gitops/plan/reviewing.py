"""One queue file of a change → its symbolic plan, or what stands in the way of it.

Nothing of the environment is read: what `${NAME}` will be is known where it runs, and only names that the
policy lists are ever looked up there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner import plan as plans
from runner.config import Config
from runner.errors import PlanError, RunnerError
from runner.gitops.plan import receiving
from runner.gitops.plan.artifact import PlannedFile
from runner.gitops.run.child import beyond_policy
from runner.model import Git, Plan, Queue
from runner.prepare import Prepared, prepare
from runner.problems import Location, Problem, Route, Severity, shorten
from runner.secrets import is_hidden
from runner.validate import as_launched

_AWS = ("ssm:", "secretsmanager:")
_ABOUT_HERE = "unset-variable"
"""A rule about the environment of whoever validates: there is none here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where files are planned. `checkout` holds them; `now` is RFC 3339, for texts that are not kept."""

    checkout: Path
    git: Git
    now: str
    config: Config


def review(source: str, place: Place) -> PlannedFile:
    """`source` is relative to the checkout. Never raises for what the file holds."""
    try:
        prepared = prepared_at(source, place)
    except RunnerError as error:
        return broken(source, "file", error.message, error.hint)
    told = [one for problem in prepared.problems if (one := _told(problem, prepared.tree)) is not None]
    problems = [_of_base(problem) for problem in as_launched(told)]
    if prepared.missing:
        return _without_values(source, prepared, problems)
    queue = prepared.queue
    if queue is None:
        return PlannedFile(source=source, problems=tuple(problems))
    plan, odd = plans.symbolic(queue, source=source, volatile=prepared.volatile, tree=prepared.tree)
    unfit = prepared.placed(map(_late, odd)) or _unfit(plan, source)
    kept = _kept_by_aws(queue, source)
    found = (*unfit, *_beyond(queue, source, place.config), *kept, *problems)
    return PlannedFile(source=source, plan=None if unfit else plan, problems=found)


def prepared_at(source: str, place: Place) -> Prepared:
    """The file as it is in the checkout. Raises RunnerError where it cannot be read."""
    return prepare(
        str(place.checkout / source),
        name=source,
        checkout=place.checkout,
        environ={},
        git=place.git,
        now=place.now,
        config=place.config,
    )


def broken(source: str, rule: str, message: str, hint: str) -> PlannedFile:
    """A file about which there is one thing to say."""
    problem = Problem(rule=rule, message=message, hint=hint, location=Location(file=source))
    return PlannedFile(source=source, problems=(problem,))


def _told(problem: Problem, tree: Any) -> Problem | None:
    """What is said of it here. That `env:NAME` is not set holds on the machines that a merge starts, too."""
    if problem.rule != _ABOUT_HERE:
        return problem
    if problem.route[-2:-1] != ("secrets",):
        return None
    for step in problem.route:
        tree = tree[step]
    name = str(tree).removeprefix("env:")
    if is_hidden(name):
        return None  # the policy says so
    return replace(
        problem,
        rule="secret-not-given",
        message=f"the secret `{shorten(problem.route[-1])}` comes from ${shorten(name)}, which the workflows "
        "of this version do not set: on GitHub's own machines the run would not start",
        hint=f"run it on a machine of your own that sets {shorten(name)}, or do without the secret",
    )


def _of_base(problem: Problem) -> Problem:
    """Whoever brings the account in the same change has to know that it does not count yet."""
    if problem.rule != "no-account":
        return problem
    return replace(problem, hint=f"{problem.hint}; it counts once it is on the base branch")


def _without_values(source: str, prepared: Prepared, problems: list[Problem]) -> PlannedFile:
    """Nobody is there to give a value when a merge or the clock starts it; by hand somebody is."""
    by_hand = isinstance(prepared.tree, dict) and prepared.tree.get("run_on") == "manual"
    names = sorted(map(str, prepared.missing))
    told = prepared.placed(_no_value(name, by_hand) for name in names)
    is_right = by_hand and not any(problem.severity is Severity.ERROR for problem in problems)
    return PlannedFile(source=source, problems=(*told, *problems), params=tuple(names) if is_right else ())


def _no_value(name: str, by_hand: bool) -> Problem:
    problem = Problem(
        rule="params",
        message=f"the parameter `{shorten(name)}` has no value, and nobody is there to give one",
        hint="add a `default`, or say `run_on: manual`",
        route=("params", name),
        at_key=True,
    )
    if not by_hand:
        return problem
    return replace(
        problem,
        severity=Severity.WARNING,
        message=f"the parameter `{shorten(name)}` has no value: who starts the queue gives one",
        hint="add a `default` to see a plan here",
    )


def _late(route: Route) -> Problem:
    return Problem(
        rule="known-late",
        message="this value would be known only at launch, so nobody could agree to it before",
        hint="use `git` and `now` in texts: commands, values of the environment, paths",
        route=route,
    )


def _beyond(queue: Queue, source: str, config: Config) -> Iterator[Problem]:
    for sentence in beyond_policy(queue, config.gitops.environment):
        hint = "list the name under `policy.environment` in .github/runner.yaml on the base branch first"
        yield Problem(rule="policy", message=sentence, hint=hint, location=Location(file=source))


def _kept_by_aws(queue: Queue, source: str) -> Iterator[Problem]:
    """Jobs beside the workflow's token are given no credentials of AWS."""
    if queue.machine.provider != "local":
        return
    for job in queue.jobs:
        for name, place in job.secrets.items():
            if place.startswith(_AWS):
                yield Problem(
                    rule="secret-not-given",
                    message=f"the secret `{shorten(name)}` of job `{job.job_id}` is kept by AWS, and jobs on "
                    "GitHub's own machines have no credentials there: the run would not start",
                    hint="give the queue a machine of its own: `machine: {provider: ec2}`",
                    severity=Severity.WARNING,
                    location=Location(file=source),
                )
                return


def _unfit(plan: Plan, source: str) -> list[Problem]:
    """What is handed on has to be read again: the same checks, before somebody waits for a comment."""
    try:
        receiving.check(plan)
    except PlanError as error:
        return list(broken(source, "plan", error.message, error.hint).problems)
    return []
