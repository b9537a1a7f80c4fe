"""Job fields with `defaults` under them → `model.Job`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner import canonical
from runner.canonical.handlers import spared
from runner.expressions import condition
from runner.load.deferred import ByJob
from runner.load.numbers import duration
from runner.load.retry import retry_of
from runner.model import Job, Retry

_BASH = ("/bin/bash", "-c")
_NO_DEFAULT = canonical.RETRY_UNIT | {"environment", "secrets", "resources", "on_failure"}
"""Fields of `defaults` that are more than a value for jobs that have none."""
_GRACE = 10.0


class Loader:
    """The jobs of one queue. Equal parts are made once and shared."""

    def __init__(
        self, defaults: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]], waiting: ByJob
    ) -> None:
        self._defaults = canonical.job(defaults)
        self._plain = {k: v for k, v in self._defaults.items() if k not in _NO_DEFAULT}
        self._waiting = waiting
        self._raw = [canonical.job(job) for job in jobs]
        self._spared = spared(self._raw, self._defaults.get("on_failure"))
        self._retries: dict[Any, Retry] = {}
        self._durations: dict[Any, float | None] = {}

    def jobs(self) -> tuple[Job, ...]:
        return tuple([self._job(index, job) for index, job in enumerate(self._raw)])

    def _job(self, index: int, own: Mapping[str, Any]) -> Job:
        job = {**self._plain, **own} if self._plain else own
        get = job.get
        job_id = own["job_id"]
        command = own["command"]
        when, gates, reads, waiting = self._expressions(index, own, get("when", True))
        return Job(
            job_id=job_id,
            command=command if isinstance(command, str) else tuple(command),
            shell=tuple(get("shell", _BASH)),
            depends_on=tuple(dict.fromkeys(own.get("depends_on", ()))),
            timeout=self._seconds(get("timeout")),
            kill_grace=duration(get("kill_grace"), _GRACE),
            retry=self._retry(own),
            environment=self._environment(own),
            secrets=self._merged(own, "secrets"),
            working_directory=get("working_directory", ""),
            result_files=tuple(get("result_files", ())),
            result_required=get("result_required", False),
            result_when=get("result_when", "success"),
            always_run=get("always_run", False),
            on_failure=own.get("on_failure") or self._handler(job_id),
            allow_failure=get("allow_failure", False),
            when=when,
            when_gates=gates,
            deferred=waiting,
            reads=reads,
            priority=int(get("priority", 0)),
            keep_processes=get("keep_processes", False),
            description=get("description", ""),
        )

    def _seconds(self, given: Any) -> float | None:
        if given not in self._durations:
            self._durations[given] = duration(given)
        return self._durations[given]

    def _retry(self, own: Mapping[str, Any]) -> Retry:
        if "retry" in own:
            return retry_of(own, self._defaults)
        key = (own.get("retry_count"), own.get("retry_strategy"), own.get("retry_delay"))
        if key not in self._retries:
            self._retries[key] = retry_of(own, self._defaults)
        return self._retries[key]

    def _environment(self, own: Mapping[str, Any]) -> dict[str, str]:
        merged = self._merged(own, "environment")
        return {name: value if value.__class__ is str else str(value) for name, value in merged.items()}

    def _merged(self, own: Mapping[str, Any], name: str) -> dict[str, Any]:
        default, given = self._defaults.get(name), own.get(name)
        if default is None:
            return given if given is not None else {}
        return {**default, **given} if given else default

    def _handler(self, job_id: str) -> str | None:
        return None if job_id in self._spared else self._defaults.get("on_failure")

    def _expressions(
        self, index: int, own: Mapping[str, Any], when: Any
    ) -> tuple[str | None, bool, tuple[str, ...], tuple[str, ...]]:
        """`when`, whether it replaces the gate, the job ids that are read, the deferred fields."""
        if when is True and index not in self._waiting.jobs and not self._waiting.defaults:
            return None, False, (), ()
        text = None if when is True else "false" if when is False else when
        found = None if text is None else condition(text)
        waiting = self._waiting.jobs.get(index, []) + [
            w for w in self._waiting.defaults if _unset(own, w.field)
        ]
        waiting = [w for w in waiting if w.field != "when"]
        reads = set().union(*(w.reads for w in waiting), found.reads if found else ())
        fields = tuple(sorted(w.field for w in waiting))
        return text, found is not None and found.gates, tuple(sorted(reads)), fields


def _unset(own: Mapping[str, Any], field: str) -> bool:
    """Whether the default for `field` (`environment.NAME`) is the one that counts for this job."""
    name, _, key = field.partition(".")
    return key not in own.get(name, {}) if name == "environment" else name not in own
