"""Evaluate every plan-time expression of a parsed document, leaf by leaf. Pure; all problems at once.

YAML is parsed first, so a value can never break the structure, and every problem has the route of the
user's own text. `rendering` does the same in a process with bounds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.leaf_checks import Surroundings, check, unquoted
from runner.leaves import WRONG_DELIMITERS, Leaf, Role, lay, leaves
from runner.model import Git
from runner.problems import Problem, Route, Severity, shorten
from runner.templating.budget import STEPS, Budget
from runner.templating.evaluate import Scope, range_of
from runner.templating.facts import RUN_TIME, Facts
from runner.templating.operators import written
from runner.templating.scan import has_template
from runner.templating.statements import fill
from runner.templating.syntax import Template, parse
from runner.templating.values import TemplateError, unfit

STEPS_A_LEAF = 200
"""What each leaf adds to the steps that a file has, so that huge files of small templates pass."""
MOST_PROBLEMS = 200
"""A file in which everything is wrong says so this often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """`tree`: the document with every plan-time expression evaluated. `problems` have routes, no locations.

    `deferred`: leaves that read `jobs`, `item` or `index`, left as written → the job ids they read.
    `volatile`: leaves that read `git` or `now`: rendered in `tree`, here their text as written.
    """

    tree: Any
    problems: list[Problem]
    deferred: dict[Route, frozenset[str]]
    volatile: dict[Route, str]


@dataclass(slots=True)
class Evaluated:
    """What rendering found, apart from the tree: the values that change it."""

    values: dict[Route, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    deferred: dict[Route, frozenset[str]] = field(default_factory=dict)
    volatile: dict[Route, str] = field(default_factory=dict)

    def rendered(self, tree: Any) -> Rendered:
        return Rendered(
            tree=lay(tree, self.values),
            problems=self.problems,
            deferred=self.deferred,
            volatile=self.volatile,
        )


def render(
    tree: Any, *, params: Mapping[str, Any], git: Git, now: str, missing: frozenset[str] = frozenset()
) -> Rendered:
    """The document with its plan-time expressions evaluated.

    `missing` are declared params without a value: a leaf that reads one is left as written, silently.
    Without bounds but those that the language counts itself: for files of unknown origin use
    `rendering.render_bounded`.
    """
    return evaluate(tree, params=params, git=git, now=now, missing=missing).rendered(tree)


def evaluate(
    tree: Any,
    *,
    params: Mapping[str, Any],
    git: Git,
    now: str,
    missing: frozenset[str] = frozenset(),
    passing: Callable[[int], None] = lambda _: None,
) -> Evaluated:
    """What `render` lays into the tree. `passing` is told the number of each leaf before it is looked at."""
    every = list(leaves(tree))
    names = {
        "params": dict(params),
        "git": {"sha": git.sha, "branch": git.branch, "pr": git.pr, "actor": git.actor},
        "now": now,
    }
    budget = Budget(steps=STEPS + STEPS_A_LEAF * len(every))
    scope = Scope(names=names, budget=budget, functions={"range": range_of})
    work = _Work(Surroundings(tree, params, missing), scope, Evaluated())
    for number, leaf in enumerate(every):
        passing(number)
        work.leaf(leaf)
        if len(work.found.problems) >= MOST_PROBLEMS:
            work.report(leaf, "template-limit", f"more than {MOST_PROBLEMS} problems: the rest is not shown")
            break
    return work.found


@dataclass(frozen=True, slots=True)
class _Work:
    around: Surroundings
    scope: Scope
    found: Evaluated

    def leaf(self, leaf: Leaf) -> None:
        try:
            self._leaf(leaf)
        except TemplateError as error:
            self.report(leaf, error.rule, error.sentence, error.hint, near=_near(leaf.text, error.source))
        except (RecursionError, MemoryError):
            self.report(leaf, "template-limit", "the template is nested too deeply, or makes too much")

    def _leaf(self, leaf: Leaf) -> None:
        if leaf.role is Role.KEY:
            self.report(leaf, "template-key", "a key cannot hold an expression", "only values can")
        elif leaf.role is Role.INPUT:
            self._input(leaf)
        elif leaf.role is Role.WHEN:
            check(self.around.when(leaf.text), leaf, self.around)
        else:
            self._wrong_delimiters(leaf)
            if has_template(leaf.text):
                self._value(leaf, parse(leaf.text))

    def _value(self, leaf: Leaf, template: Template) -> None:
        facts = template.facts
        self._unquoted(leaf, facts)
        if facts.names & RUN_TIME:
            self.found.deferred[leaf.route] = facts.jobs
            check(facts, leaf, self.around)
        elif facts.functions - {"range"} or self.around.waits(facts):
            check(facts, leaf, self.around)
        else:
            self._evaluate(leaf, template)

    def _evaluate(self, leaf: Leaf, template: Template) -> None:
        value = fill(template, self.scope)
        if _is_environment(leaf.route):
            value = written(self.scope.budget, value)
        if isinstance(value, str) and (problem := unfit(value)):
            self.report(leaf, "template", problem)
            return
        self.found.values[leaf.route] = value
        if template.facts.names & {"git", "now"}:
            self.found.volatile[leaf.route] = leaf.text

    def _input(self, leaf: Leaf) -> None:
        if has_template(leaf.text):
            what = f"`{leaf.route[0]}` is what expressions are evaluated with: it cannot hold one"
            self.report(leaf, "template", what, "give the value itself, or set it with -p NAME=VALUE")

    def _unquoted(self, leaf: Leaf, facts: Facts) -> None:
        for source in sorted(unquoted(facts, leaf, self.around))[:5]:
            late = source.startswith("jobs")
            where = "is not known before the run" if late else "comes from outside this file"
            message = f"{shorten(source)} {where} and is not quoted for the shell"
            hint = f"write ${{{{ {shorten(source)} | q }}}}"
            near = _near(leaf.text, source, unless=r"\s*\|\s*q\b")
            self.report(leaf, "unquoted", message, hint, Severity.WARNING, near=near)

    def _wrong_delimiters(self, leaf: Leaf) -> None:
        for match in list(WRONG_DELIMITERS.finditer(leaf.text))[:5]:
            inner = shorten(match[1], 40)
            self.report(
                leaf,
                "wrong-delimiters",
                f"{{{{ {inner} }}}} is not an expression here: it stays as it is",
                f"write ${{{{ {inner} }}}}",
                Severity.WARNING,
                near=match[0],
            )

    def report(
        self,
        leaf: Leaf,
        rule: str,
        message: str,
        hint: str = "",
        severity: Severity = Severity.ERROR,
        *,
        near: str = "",
    ) -> None:
        problem = Problem(
            rule=rule,
            message=message,
            hint=hint,
            severity=severity,
            route=leaf.route,
            at_key=leaf.role is Role.KEY,
            near=near,
        )
        self.found.problems.append(problem)


def _near(text: str, source: str, unless: str = r"\w") -> str:
    """The expression that `source` is a part of, where `unless` does not follow."""
    if not source:  # it is about the text as a whole
        return "${" if text.count("${") == 1 else ""
    part = source[:200]
    inside = rf"[^{{}}]{{0,200}}?(?<!\w){re.escape(part)}(?!\w|{unless})[^{{}}]{{0,200}}"
    found = re.search(rf"\$\{{\{{{inside}\}}?\}}?", text)
    return found[0] if found else part


def _is_environment(route: Route) -> bool:
    """Whether a value is one of an environment: all are texts there, as those are that the run evaluates."""
    holder, name = route[:-2], route[-2:-1]
    return name in {("environment",), ("env",)} and (holder == ("defaults",) or holder[:1] == ("jobs",))
