"""The two dialects, made one: every concept has one canonical name, its other spelling is an alias.

`renamed` gives canonical keys, `written` says how the file spells one, for positions. The retry fields
are no plain renaming (their values and defaults differ): `RETRY` says which of them mean the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

QUEUE_ALIASES = {"global_timeout": "timeout"}
JOB_ALIASES = {"env": "environment", "result_paths": "result_files"}
_QUEUE_SPELLINGS = {name: alias for alias, name in QUEUE_ALIASES.items()}
_JOB_SPELLINGS = {name: alias for alias, name in JOB_ALIASES.items()}
RETRY = {
    "max_attempts": "retry_count",
    "backoff": "retry_strategy",
    "base_delay": "retry_delay",
    "delay": "retry_delay",
}
"""Key inside `retry` → the canonical field that says the same."""
RETRY_UNIT = frozenset({"retry_count", "retry_strategy", "retry_delay", "retry"})
"""These fields come from one place together: the job, or `defaults`."""


def renamed(fields: Mapping[str, Any], aliases: Mapping[str, str]) -> Mapping[str, Any]:
    """The same fields under their canonical names; the same object where there is no alias in it."""
    if aliases.keys().isdisjoint(fields):
        return fields
    made = {aliases.get(key, key): value for key, value in fields.items()}
    made.update((key, fields[key]) for key in aliases.values() if key in fields)
    return made


def job(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return renamed(fields, JOB_ALIASES)


def written(fields: Mapping[str, Any], name: str) -> str:
    """How a job (or `defaults`) in a file spells a canonical name."""
    alias = _JOB_SPELLINGS.get(name)
    return alias if alias is not None and alias in fields else name


def written_in_queue(fields: Mapping[str, Any], name: str) -> str:
    """The same for the fields of a queue."""
    alias = _QUEUE_SPELLINGS.get(name)
    return alias if alias is not None and alias in fields else name


def clashes(fields: Mapping[str, Any], aliases: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Canonical name and alias where both are given."""
    for alias, name in aliases.items():
        if alias in fields and name in fields:
            yield name, alias


def retry_clashes(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Canonical retry field and key of `retry` where both are given; `base_delay` beside `delay` too."""
    full = fields.get("retry")
    if not isinstance(full, Mapping):
        return
    for alias, name in RETRY.items():
        if alias in full and name in fields:
            yield name, f"retry.{alias}"
    if "base_delay" in full and "delay" in full:
        yield "retry.base_delay", "retry.delay"


def results_url(bucket: object, prefix: object) -> str:
    """What `result_s3_bucket` and `result_s3_prefix` say, as `results` says it."""
    return f"s3://{bucket}/{str(prefix).strip('/')}".rstrip("/")
