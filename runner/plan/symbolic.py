"""Puts the raw text of expressions back into the canonical form of a queue, where their values stand now.

Routes lead through the document as the user wrote it, aliases and `defaults` included; the form has canonical
names and no defaults. A leaf that has no place there is kept beside the form, values and all:
then the digest depends on the value too, which refuses too much rather than too little.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from runner.plan.codec import Form
from runner.problems import Route

Place = tuple[str | int, ...]

_RENAMED: dict[str, Place] = {
    "env": ("environment",),
    "result_paths": ("result_files",),
    "retry_count": ("retry", "count"),
    "retry_strategy": ("retry", "strategy"),
    "retry_delay": ("retry", "delay"),
}
_RETRY = {
    "max_attempts": "count",
    "backoff": "strategy",
    "base_delay": "delay",
    "retry_on_codes": "codes",
    "dont_retry_on_codes": "except_codes",
}
_UNITS = (
    frozenset({"retry", "retry_count", "retry_strategy", "retry_delay"}),
    frozenset({"environment", "env"}),
    frozenset({"result_files", "result_paths"}),
)
"""Spellings of one thing: a job that has one of them does not take the others from `defaults`."""
_MERGED = frozenset({"environment", "env", "secrets"})
_S3 = ("result_s3_bucket", "result_s3_prefix")
_SHOWN_ONLY = frozenset({"queue_name", "description", "template", "with", "params", "defaults"})
"""Below `params` and `with` stand defaults and choices: the values in force are in the form itself."""


def make_symbolic(form: Form, volatile: Mapping[Route, str], tree: Mapping[str, Any]) -> Form:
    """The form with raw texts in it. `form` is changed and given back; what it shares with a model is not."""
    for route, raw in volatile.items():
        head = route[0]
        if head == "jobs" and len(route) > 2:
            _in_job(form, form["jobs"], route, raw)
        elif head == "defaults":
            _in_defaults(form, route, raw, tree)
        elif head in _S3:
            form["results"] = [volatile.get((part,), tree.get(part)) for part in _S3]
        elif head in _SHOWN_ONLY or str(head).startswith("x-"):
            continue
        elif not _set(form, _queue_place(route), raw):
            _keep_beside(form, route, raw)
    return form


def _in_job(form: Form, jobs: list[Form], route: Route, raw: str) -> None:
    number = route[1]
    if not isinstance(number, int) or number >= len(jobs) or not _set(jobs[number], _place(route[2:]), raw):
        _keep_beside(form, route, raw)


def _in_defaults(form: Form, route: Route, raw: str, tree: Mapping[str, Any]) -> None:
    """A default is in force in each job that does not say otherwise itself."""
    written = tree.get("jobs")
    place = _place(route[1:])
    for number, job in enumerate(form["jobs"]):
        own = written[number] if isinstance(written, list) and number < len(written) else {}
        spared = route[1] == "on_failure" and "on_failure" not in job
        if not spared and not _says_itself(own, route[1:]) and not _set(job, place, raw):
            _keep_beside(form, (*route, job["job_id"]), raw)


def _says_itself(own: Mapping[str, Any], route: Route) -> bool:
    field = str(route[0])
    spellings = next((unit for unit in _UNITS if field in unit), frozenset({field}))
    given = [own[name] for name in spellings if name in own]
    if field in _MERGED and len(route) > 1:
        return any(isinstance(value, Mapping) and route[1] in value for value in given)
    return bool(given)


def _place(route: Route) -> Place:
    """The place inside a job's form."""
    head = str(route[0])
    if head == "retry" and len(route) > 1:
        return ("retry", _RETRY.get(str(route[1]), str(route[1])), *route[2:])
    return (*_RENAMED.get(head, (head,)), *route[1:])


def _queue_place(route: Route) -> Place:
    if route[0] == "global_timeout":
        return ("timeout",)
    if route[0] == "machine" and len(route) > 1 and route[1] != "provider":
        return ("machine", "options", *route[1:])
    return route


def _set(form: Form, place: Place, raw: str) -> bool:
    """False where there is no such place. Containers on the way are copied: the model shares them."""
    container: Any = form
    for key, following in pairwise(place):
        inner = _inner(container, key, following)
        if inner is None:
            return False
        container[key] = inner
        container = inner
    if isinstance(container, list):
        if not isinstance(place[-1], int) or place[-1] >= len(container):
            return False
    elif not isinstance(container, dict):
        return False
    container[place[-1]] = raw
    return True


def _inner(container: Any, key: str | int, following: str | int) -> Any:
    if isinstance(container, list):
        found = container[key] if isinstance(key, int) and key < len(container) else None
    else:
        found = container.get(key, [] if isinstance(following, int) else {})
    if isinstance(found, Mapping):
        return dict(found)
    return list(found) if isinstance(found, list | tuple) else None


def _keep_beside(form: Form, route: Route, raw: str) -> None:
    form.setdefault("symbolic", []).append([*map(str, route), raw])
