"""What jobs get from outside: `${NAME}` in their environment, and their declared secrets.

All of it is resolved before the first job starts, so that a missing one refuses the run and never
becomes an empty string in the middle of the night. Values are kept out of every repr and message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.errors import CloudBusyError, CloudError
from runner.model import Job, Queue
from runner.ports import Secrets

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


def resolve(
    queue: Queue, environ: Mapping[str, str], kept: Secrets | None = None
) -> tuple[dict[str, Given], list[str]]:
    """(what each job gets, sentences that say what is missing). Jobs that get nothing are left out.

    `kept`: where secrets that are not in the environment come from. Raises CloudBusyError.
    """
    given: dict[str, Given] = {}
    missing: dict[str, None] = {}
    available = _Sources(environ=cleaned(environ), kept=kept)
    secret = sources(queue)
    for job in queue.jobs:
        if job.secrets or any("${" in value for value in job.environment.values()):
            given[job.job_id] = _resolve_job(job, available, secret, missing)
    return given, list(missing)


class _MissingError(Exception):
    """A secret is not to be had; the message says why, behind its name."""


class _Sources:
    """Reads each source once, whoever asks for it."""

    def __init__(self, *, environ: Mapping[str, str], kept: Secrets | None) -> None:
        self.environ = environ
        self._kept = kept
        self._read: dict[str, str | _MissingError] = {}

    def value(self, source: str) -> str:
        """Raises _MissingError."""
        if source not in self._read:
            self._read[source] = self._look(source)
        found = self._read[source]
        if isinstance(found, _MissingError):
            raise found
        return found

    def _look(self, source: str) -> str | _MissingError:
        kind, _, rest = source.partition(":")
        if kind == "env":
            found = self.environ.get(rest)
            return _MissingError(f"comes from ${rest}, which is not set") if found is None else found
        if self._kept is None:
            return _MissingError(
                f"comes from {kind}:, and here are no AWS credentials to read it with: run the queue with "
                "some, or on a machine of its own (`machine.provider: ec2`)"
            )
        try:
            return self._kept.read(source)
        except CloudBusyError:
            raise
        except CloudError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return _MissingError(f"is not to be had: {error.message}{hint}")


def _resolve_job(job: Job, available: _Sources, secret: frozenset[str], missing: dict[str, None]) -> Given:
    borrowed: list[str] = []
    secrets: dict[str, str] = {}
    environ = available.environ
    for name, source in job.secrets.items():
        try:
            secrets[name] = available.value(source)
        except _MissingError as error:
            missing[f"job {job.job_id}: secret {name} {error}"] = None
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
