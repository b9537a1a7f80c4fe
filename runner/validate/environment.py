"""Values that reach a job's processes through its environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from runner.problems import Problem, Route, Severity, shorten
from runner.validate.facts import Facts, JobAt

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_HIDDEN = re.compile(r"GITHUB_TOKEN|ACTIONS_\w*", re.ASCII)


def floats(facts: Facts) -> Iterator[Problem]:
    """`1.0` is an integer for JSON Schema, and `1.10` would arrive as `1.1`: both must be quoted."""
    for route, environment, _ in _environments(facts):
        for name, value in environment.items():
            if isinstance(value, float):
                message = f"the value of `{shorten(name)}` is a number with a fraction, not text"
                hint = f'quote it as it should arrive, such as "{value}"'
                yield Problem(rule="schema", message=message, hint=hint, route=(*route, name))


def unset(facts: Facts) -> Iterator[Problem]:
    """`${NAME}` that the runner's own environment does not have now. `run` refuses it."""
    defaults = facts.defaults.get("secrets") or {}
    for route, environment, job in _environments(facts):
        secrets = {**defaults, **((job.fields.get("secrets") or {}) if job else {})}
        for name, value in environment.items():
            for wanted in _REFERENCE.findall(value) if isinstance(value, str) and "${" in value else ():
                if wanted not in secrets and (
                    wanted not in facts.around.environ or _HIDDEN.fullmatch(wanted)
                ):
                    yield _unset(wanted, (*route, name))


def _unset(name: str, route: Route) -> Problem:
    shown = shorten(name)
    if _HIDDEN.fullmatch(name):
        message, hint = f"`${{{shown}}}` is never given to jobs", "declare a secret of your own"
    else:
        message = f"`${{{shown}}}` is not set here, and `run` would refuse to start"
        hint = f"set {shown} in the runner's environment, or declare it under `secrets`"
    return Problem(rule="unset-variable", message=message, hint=hint, severity=Severity.WARNING, route=route)


def _environments(facts: Facts) -> Iterator[tuple[Route, Mapping[str, Any], JobAt | None]]:
    default = facts.defaults.get("environment")
    if default:
        yield facts.in_defaults("environment"), default, None
    for job in facts.jobs:
        own = job.fields.get("environment")
        if own:
            yield job.route("environment"), own, job
