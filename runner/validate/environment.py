"""Values that reach a job's processes through its environment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.problems import Problem, Route, Severity, shorten
from runner.validate.facts import Facts, environment_route, environments

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_HIDDEN = re.compile(r"GITHUB_TOKEN|ACTIONS_\w*", re.ASCII)


def floats(facts: Facts) -> Iterator[Problem]:
    """`1.0` is an integer for JSON Schema, and `1.10` would arrive as `1.1`: both must be quoted."""
    for job, environment in environments(facts):
        for name, value in environment.items():
            if value.__class__ is float:
                message = f"the value of `{shorten(name)}` is a number with a fraction, not text"
                hint = f'quote it as it should arrive, such as "{value}"'
                yield Problem(
                    rule="schema", message=message, hint=hint, route=environment_route(facts, job, name)
                )


def unset(facts: Facts) -> Iterator[Problem]:
    """`${NAME}` that the runner's own environment does not have now. `run` refuses it."""
    defaults = facts.defaults.get("secrets") or {}
    for job, environment in environments(facts):
        for name, value in environment.items():
            if value.__class__ is not str or "${" not in value:
                continue
            own = (job.fields.get("secrets") or {}) if job is not None else {}
            for wanted in _REFERENCE.findall(value):
                is_secret = wanted in defaults or wanted in own
                if not is_secret and (wanted not in facts.around.environ or _HIDDEN.fullmatch(wanted)):
                    yield _unset(wanted, environment_route(facts, job, name))


def _unset(name: str, route: Route) -> Problem:
    shown = shorten(name)
    if _HIDDEN.fullmatch(name):
        message, hint = f"`${{{shown}}}` is never given to jobs", "declare a secret of your own"
    else:
        message = f"`${{{shown}}}` is not set here, and `run` would refuse to start"
        hint = f"set {shown} in the runner's environment, or declare it under `secrets`"
    return Problem(rule="unset-variable", message=message, hint=hint, severity=Severity.WARNING, route=route)
