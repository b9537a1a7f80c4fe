"""plain values → `model.Queue`: aliases canonical, defaults laid under, every unit converted.

Takes a tree that the schema accepts and `validate` found no error in; anything else raises. It is
linear and shares equal parts, since a queue may have 10,000 jobs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from runner import canonical
from runner.canonical.machine import machine_of
from runner.canonical.support import refused, unsupported
from runner.load.deferred import sort_by_job
from runner.load.jobs import Loader
from runner.load.numbers import duration
from runner.model import Queue
from runner.problems import Route

__all__ = ["default_id", "load"]

_NOT_ID = re.compile(r"[^A-Za-z0-9._-]+")
_DEFAULT_CLEANUP = 600.0


def load(
    tree: Mapping[str, Any],
    *,
    name: str,
    params: Mapping[str, Any] | None = None,
    deferred: Mapping[Route, frozenset[str]] | None = None,
    machine: Mapping[str, Any] | None = None,
) -> Queue:
    """The queue of a rendered tree. `name` is the file's, `machine` what the configuration has for it."""
    fields = canonical.renamed(tree, canonical.QUEUE_ALIASES)
    queue_id = fields.get("queue_id") or default_id(name)
    loader = Loader(fields.get("defaults") or {}, fields["jobs"], sort_by_job(deferred or {}))
    placed = machine_of(fields, machine or {})
    exclusive = fields.get("concurrency") or {}
    return Queue(
        queue_id=queue_id,
        queue_name=fields.get("queue_name") or queue_id,
        jobs=loader.jobs(),
        timeout=duration(fields.get("timeout")),
        cleanup_timeout=duration(fields.get("cleanup_timeout"), _DEFAULT_CLEANUP),
        on_failure=fields.get("on_failure", "stop"),
        max_parallel=_whole(fields.get("max_parallel")),
        machine=placed,
        results=_results(fields),
        params=dict(params or {}),
        run_on=fields.get("run_on", "merge"),
        schedule=_schedule(fields.get("schedule")),
        concurrency_group=exclusive.get("group", ""),
        concurrency_policy=exclusive.get("policy", "wait"),
        unsupported=tuple(note.sentence for note in unsupported(fields)),
        refused=tuple(note.sentence for note in refused(fields, placed.provider)),
    )


def default_id(name: str) -> str:
    """The queue's identity where the file gives none: the stem of its name, made to fit the pattern."""
    stem = "stdin" if name == "-" else PurePath(name).stem
    return _NOT_ID.sub("-", stem).lstrip("._-")[:63] or "queue"


def _results(fields: Mapping[str, Any]) -> str | None:
    bucket = fields.get("result_s3_bucket")
    if bucket is None:
        return fields.get("results")
    return canonical.results_url(bucket, fields.get("result_s3_prefix", ""))


def _schedule(given: str | list[str] | None) -> tuple[str, ...]:
    """One line may stand alone. Spaces do not matter, so they do not count as a change either."""
    lines = [given] if isinstance(given, str) else given or []
    return tuple(" ".join(line.split()) for line in lines)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
