"""What can be said of a leaf without evaluating it: for those left to the run, and about shell quotes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from runner.expressions import when_expression
from runner.leaves import Leaf, Role
from runner.problems import Route
from runner.templating.facts import PLAN_TIME, RUN_TIME, Facts
from runner.templating.lookup import absent, named
from runner.templating.values import TemplateError, UndefinedError

_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh", "ash", "busybox"})
_NUMERIC_TYPES = frozenset({"integer", "number", "boolean"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The document a leaf stands in, and the params it is rendered with."""

    tree: Any
    params: Mapping[str, Any]
    missing: frozenset[str]

    def job(self, route: Route) -> Mapping[str, Any]:
        """The job that a route leads into ({} for none)."""
        if len(route) < 2 or route[0] != "jobs":
            return {}
        job = self.tree["jobs"][route[1]]
        return job if isinstance(job, dict) else {}

    def when(self, text: str) -> Facts:
        return when_expression(text).facts

    def waits(self, facts: Facts) -> bool:
        """Whether a leaf reads something that has no value yet, and so stays as it is."""
        if "matrix" in facts.names:
            return True
        return bool((facts.params | facts.optional) & self.missing or (facts.whole and self.missing))

    def is_text_from_outside(self, source: str) -> bool:
        """Whether this source can hold more than the file itself allows: not a number, not a choice."""
        if not source.startswith("params."):
            return True
        name = re.split(r"[.\[]", source.removeprefix("params."), maxsplit=1)[0]
        if name not in self.params and name not in self.missing:
            return False  # there is no such param, which is the problem to show
        declared = self.tree.get("params") if isinstance(self.tree, dict) else None
        rule = declared.get(name) if isinstance(declared, dict) else None
        rule = rule if isinstance(rule, dict) else {}
        if rule.get("choices") or rule.get("type") in _NUMERIC_TYPES:
            return False
        value = self.params.get(name, "")
        return not (isinstance(value, int | float) or (isinstance(value, list) and _numbers(value)))


def check(facts: Facts, leaf: Leaf, around: Surroundings) -> None:
    """Raise TemplateError for what a leaf that is not evaluated now could never be evaluated with."""
    if leaf.role is not Role.WHEN and (called := sorted(facts.functions - {"range"})):
        raise TemplateError(f"{called[0]}() can be asked only in `when`")
    if "now" in facts.names and facts.names & RUN_TIME:
        raise TemplateError(
            "`now` is known while planning, `jobs` only while the queue runs: one value cannot read both",
            "put `now` into an environment value of its own",
        )
    for name in sorted(facts.names - PLAN_TIME - RUN_TIME):
        unknown = named({"params": dict(around.params), "git": {}, "now": "", "jobs": {}}, name)
        raise UndefinedError(unknown.reason, unknown.hint)
    declared = {**dict.fromkeys(around.missing), **around.params}
    _all_there(facts.params, declared, "params")
    _of_many(facts, around.job(leaf.route), leaf.route[0] == "defaults")


def _all_there(read: frozenset[str], known: Mapping[str, Any], owner: str) -> None:
    for name in sorted(read - known.keys()):
        unknown = absent(dict(known), name, owner)
        raise UndefinedError(unknown.reason, unknown.hint)


def _of_many(facts: Facts, job: Mapping[str, Any], anywhere: bool) -> None:
    """`matrix`, `item` and `index` mean something only in a job that has many instances."""
    if anywhere:
        return
    for name in sorted(facts.names & {"item", "index"}):
        if "foreach" not in job:
            raise UndefinedError(f"`{name}` is known only in a job with `foreach`")
    if "matrix" in facts.names:
        matrix = job.get("matrix")
        if matrix is None:
            raise UndefinedError("`matrix` is known only in a job with a `matrix`")
        if isinstance(matrix, dict):
            _all_there(facts.matrix, _matrix_names(matrix), "matrix")


def _matrix_names(matrix: Mapping[str, Any]) -> dict[str, Any]:
    names = dict.fromkeys(str(key) for key in matrix if key not in {"include", "exclude"})
    included = matrix.get("include")
    for row in included if isinstance(included, list) else ():
        names |= dict.fromkeys(str(key) for key in (row if isinstance(row, dict) else ()))
    return names


def unquoted(facts: Facts, leaf: Leaf, around: Surroundings) -> set[str]:
    """Where text from outside the file reaches a shell as it is. A list is executed without a shell."""
    if len(leaf.route) != 3 or leaf.route[0] != "jobs" or leaf.route[2] != "command":
        return set()
    if not _is_shell(around.job(leaf.route), around.tree):
        return set()
    return {source for source in facts.outside if around.is_text_from_outside(source)}


def _is_shell(job: Mapping[str, Any], tree: Any) -> bool:
    defaults = tree.get("defaults")
    shell = job.get("shell", defaults.get("shell") if isinstance(defaults, dict) else None)
    if not isinstance(shell, list) or not shell:
        return True
    return PurePosixPath(str(shell[0])).name in _SHELLS


def _numbers(values: list[Any]) -> bool:
    return all(isinstance(each, int | float) for each in values)
