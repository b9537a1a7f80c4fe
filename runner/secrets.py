"""What jobs get from outside: `${NAME}` in their environment, and their declared secrets.

All of it is resolved before the first job starts, so that a missing one refuses the run and never
becomes an empty string in the middle of the night. Values are kept out of every repr and message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.model import Job, Queue

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
HIDDEN = ("GITHUB_TOKEN", "ACTIONS_")
"""Never in a job's environment, nor to be had by `${NAME}` or `env:NAME` (the second as a prefix)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A job's environment from the file, resolved, and its secrets."""

    environment: dict[str, str] = field(default_factory=dict, repr=False)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    borrowed: tuple[str, ...] = field(default=(), repr=False)
    """Other jobs' secrets that this one's environment takes by `${NAME}`."""

    @property
    def masks(self) -> tuple[str, ...]:
        return tuple(sorted({value for value in (*self.secrets.values(), *self.borrowed) if value}))


def is_hidden(name: str) -> bool:
    return name == HIDDEN[0] or name.startswith(HIDDEN[1])


def cleaned(environ: Mapping[str, str]) -> dict[str, str]:
    """The runner's own environment as far as jobs may see it."""
    return {name: value for name, value in environ.items() if not is_hidden(name)}


def sources(queue: Queue) -> frozenset[str]:
    """Names in the runner's environment that are some job's secret: no job has them without declaring it."""
    kinds = (source.partition(":") for job in queue.jobs for source in job.secrets.values())
    return frozenset(name for kind, _, name in kinds if kind == "env")


def resolve(queue: Queue, environ: Mapping[str, str]) -> tuple[dict[str, Given], list[str]]:
    """(what each job gets, sentences that say what is missing). Jobs that get nothing are left out."""
    given: dict[str, Given] = {}
    missing: dict[str, None] = {}
    available = cleaned(environ)
    secret = sources(queue)
    for job in queue.jobs:
        if job.secrets or any("${" in value for value in job.environment.values()):
            given[job.job_id] = _resolve_job(job, available, secret, missing)
    return given, list(missing)


def _resolve_job(
    job: Job, environ: Mapping[str, str], secret: frozenset[str], missing: dict[str, None]
) -> Given:
    borrowed: list[str] = []
    secrets: dict[str, str] = {}
    for name, source in job.secrets.items():
        kind, _, rest = source.partition(":")
        if kind != "env":
            missing[f"job {job.job_id}: secret {name} comes from {kind}, which this version cannot read"] = (
                None
            )
        elif rest not in environ:
            missing[f"job {job.job_id}: secret {name} comes from ${rest}, which is not set"] = None
        else:
            secrets[name] = environ[rest]
    environment = {}
    for name, value in job.environment.items():
        for reference in _REFERENCE.findall(value):
            if reference not in secrets and reference not in environ and reference not in job.secrets:
                missing[f"job {job.job_id}: {name} needs ${{{reference}}}, which is not set"] = None
            if reference in secret and reference not in secrets and reference in environ:
                borrowed.append(environ[reference])
        environment[name] = expand(value, {**environ, **secrets})
    return Given(environment=environment, secrets=secrets, borrowed=tuple(borrowed))


def expand(value: str, names: Mapping[str, str]) -> str:
    """`${NAME}` replaced, once; what comes in is not looked at again."""
    return _REFERENCE.sub(lambda match: names.get(match[1], match[0]), value)
