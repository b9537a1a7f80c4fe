"""Values that reach a job's processes through its environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from runner.problems import Problem, Route, Severity, shorten
from runner.schema.slips import AS_TEXT
from runner.validate.facts import Facts, JobAt, environment_route, environments, is_expression

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_REFUSES = "and `run` would refuse to start"
_PLACES = {"ssm": "ssm:/runner/", "secretsmanager": "secretsmanager:runner/"}
"""What the role of machines opens by itself: parameters and secrets below these."""
_HIDDEN = re.compile(r"GITHUB_TOKEN|ACTIONS_\w*", re.ASCII)


def floats(facts: Facts) -> Iterator[Problem]:
    """`1.0` is an integer for JSON Schema, and `1.10` would arrive as `1.1`: both must be quoted."""
    for job, environment in environments(facts):
        for name, value in environment.items():
            if value.__class__ is float:
                message = f"the value of `{shorten(name)}` is a number with a fraction, not text"
                route = environment_route(facts, job, name)
                yield Problem(rule="schema", message=message, hint=AS_TEXT, route=route, quotes=True)


def unset(facts: Facts) -> Iterator[Problem]:
    """`${NAME}` that is not set where jobs run. `run` refuses it."""
    defaults = facts.defaults.get("secrets") or {}
    for job, environment in environments(facts):
        for name, value in environment.items():
            if value.__class__ is not str or "${" not in value:
                continue
            own = (job.fields.get("secrets") or {}) if job is not None else {}
            for wanted in _REFERENCE.findall(value):
                is_secret = wanted in defaults or wanted in own
                if not is_secret and (wanted not in facts.environ or _HIDDEN.fullmatch(wanted)):
                    yield _told(facts, _unset(wanted, environment_route(facts, job, name)), wanted)


def unset_secrets(facts: Facts) -> Iterator[Problem]:
    """`env:NAME` of a secret that is not set where jobs run; each NAME once."""
    told: set[str] = set()
    for job, secrets in _secrets(facts):
        for name, source in secrets.items():
            kind, _, wanted = source.partition(":")
            known = wanted in facts.environ and not _HIDDEN.fullmatch(wanted)
            if kind == "env" and wanted not in told and not known and not is_expression(source):
                told.add(wanted)
                route = facts.in_defaults("secrets") if job is None else job.route("secrets")
                yield _told(facts, _no_secret(name, wanted, (*route, name)), wanted)


def out_of_reach(facts: Facts) -> Iterator[Problem]:
    """Places that the role of docs/aws.md does not open to machines; other roles, and `policy.secrets`, are
    somebody's own decision."""
    if not facts.launches or facts.around.policy.secrets is not None:
        return
    if facts.machine.options.get("instance_profile"):
        return
    for job, secrets in _secrets(facts):
        for name, source in secrets.items():
            place = _PLACES.get(source.partition(":")[0], "")
            if not is_expression(source) and not source.startswith((place, "secretsmanager:arn:")):
                route = facts.in_defaults("secrets") if job is None else job.route("secrets")
                yield _elsewhere(name, place, (*route, name))


def _elsewhere(name: str, place: str, route: Route) -> Problem:
    """A warning: the role may have been given more."""
    return Problem(
        rule="secret-place",
        message=f"the place of the secret `{shorten(name)}` does not begin with `{place}`: the role that "
        "docs/aws.md of runner makes for machines reads no other",
        hint=f'move it; or, where the role reads it, list all places: `policy: {{secrets: ["{place}*", …]}}` '
        "in .github/runner.yaml",
        severity=Severity.WARNING,
        route=route,
    )


def _secrets(facts: Facts) -> Iterator[tuple[JobAt | None, Mapping[str, str]]]:
    yield None, facts.defaults.get("secrets") or {}
    yield from ((job, job.fields.get("secrets") or {}) for job in facts.jobs)


def _told(facts: Facts, problem: Problem, wanted: str) -> Problem:
    """On a machine that is launched nobody can set it. An error where one is launched, see `as_launched`."""
    if not facts.launches or _HIDDEN.fullmatch(wanted):
        return problem
    shown = shorten(wanted, 40)
    kept = f"/runner/{shown}"
    if "secrets" in problem.route:
        hint = (
            f"keep it where the machine reads it: `aws ssm put-parameter --type SecureString --name {kept} "
            f'--value "$(cat)"`, then write `"ssm:{kept}"`'
        )
    else:
        hint = (
            f'if it is a secret, never write it here: declare `{shown}: "ssm:{kept}"` under `secrets`; '
            "anything else: write the value itself"
        )
    return replace(
        problem,
        rule="not-on-machine",
        message=f"nothing sets {shorten(wanted)} on a machine that is launched",
        hint=hint,
    )


def _no_secret(name: str, wanted: str, route: Route) -> Problem:
    if _HIDDEN.fullmatch(wanted):
        message, hint = f"`env:{wanted}` is never given to jobs", "take it from a variable of your own"
    else:
        message = f"{shorten(wanted)}, the place of the secret `{shorten(name)}`, is not set here, {_REFUSES}"
        hint = f"set {shorten(wanted)} in the runner's environment"
    return Problem(rule="unset-variable", message=message, hint=hint, severity=Severity.WARNING, route=route)


def _unset(name: str, route: Route) -> Problem:
    shown = shorten(name)
    if _HIDDEN.fullmatch(name):
        message, hint = f"`${{{shown}}}` is never given to jobs", "declare a secret of your own"
    else:
        message = f"`${{{shown}}}` is not set here, {_REFUSES}"
        hint = f"set {shown} in the runner's environment, or declare it under `secrets`"
    return Problem(rule="unset-variable", message=message, hint=hint, severity=Severity.WARNING, route=route)
