"""Puts the raw text of expressions back into the canonical form of a queue, where their values stand now.

Routes lead through the document as the user wrote it, aliases and `defaults` included; the form has canonical
names and no defaults. A leaf that has no place there is kept beside the form, values and all:
then the digest depends on the value too, which refuses too much rather than too little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

from runner.canonical import results_url
from runner.model import Job, Queue
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
_SHOWN_ONLY = frozenset({"template", "with", "params", "defaults"})
"""Below `params` and `with` stand defaults and choices: the values in force are in the form itself."""
_QUEUE = frozenset(f.name for f in fields(Queue)) - {"jobs"}
_JOB = frozenset(f.name for f in fields(Job))
"""What else a file may say has no part in the plan yet, as a literal or otherwise."""
_TEXTS = frozenset(
    {"command", "working_directory", "description", "queue_name", "results", "concurrency_group"}
)
_OF_TEXTS = frozenset({"command", "shell", "result_files", "environment", "secrets"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbolic:
    """`form` with raw texts in it. `odd` are the routes of those that a `Queue` cannot hold where they stand:

    a number, an id or a choice, or a list as a whole. Then the form has a digest, but is no plan.
    """

    form: Form
    odd: tuple[Route, ...] = ()


def make_symbolic(form: Form, volatile: Mapping[Route, str], tree: Mapping[str, Any]) -> Symbolic:
    """`form` is changed; what it shares with a model is not."""
    odd: list[Route] = []
    for route, raw in volatile.items():
        head = route[0]
        if head == "jobs" and len(route) > 2:
            fits = _in_job(form, form["jobs"], route, raw)
        elif head == "defaults" and len(route) > 1:
            fits = _in_defaults(form, route, raw, tree)
        elif head in _S3:
            fits, form["results"] = True, _bucket(volatile, tree)
        elif head in _SHOWN_ONLY:
            fits = head != "defaults"
        else:
            fits = _in_queue(form, route, raw)
        if not fits:
            odd.append(route)
    return Symbolic(form=form, odd=tuple(odd))


def _in_queue(form: Form, route: Route, raw: str) -> bool:
    place = _queue_place(route)
    if place[0] not in _QUEUE and place[0] != "jobs":
        return True
    is_there = place[0] != "jobs" and _set(form, place, raw)  # jobs that are one expression, as a whole
    if not is_there:
        _keep_beside(form, route, raw)
    is_option = place[:2] == ("machine", "options") and len(place) > 2
    return is_there and (is_option or _holds_text(place))


def _in_job(form: Form, jobs: list[Form], route: Route, raw: str) -> bool:
    number, place = route[1], _place(route[2:])
    if place[0] not in _JOB:
        return True
    if not isinstance(number, int) or number >= len(jobs) or not _set(jobs[number], place, raw):
        _keep_beside(form, route, raw)
        return False
    return _holds_text(place)


def _in_defaults(form: Form, route: Route, raw: str, tree: Mapping[str, Any]) -> bool:
    """A default is in force in each job that does not say otherwise itself."""
    written = tree.get("jobs")
    place = _place(route[1:])
    if place[0] not in _JOB:
        return True
    fits = True
    for number, job in enumerate(form["jobs"]):
        own = written[number] if isinstance(written, list) and number < len(written) else {}
        spared = route[1] == "on_failure" and "on_failure" not in job
        if spared or _says_itself(own, route[1:]):
            continue
        fits = fits and _holds_text(place)
        if not _set(job, place, raw):
            fits = False
            _keep_beside(form, (*route, job["job_id"]), raw)
    return fits


def _holds_text(place: Place) -> bool:
    """Whether a raw text may stand there. A command may be one text as well as a list of texts."""
    head, *rest = place
    return head in (_OF_TEXTS if len(rest) == 1 else _TEXTS if not rest else ())


def _bucket(volatile: Mapping[Route, str], tree: Mapping[str, Any]) -> str:
    bucket, prefix = (str(volatile.get((part,), tree.get(part) or "")) for part in _S3)
    return results_url(bucket, prefix)


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
    if route[0] == "concurrency" and len(route) > 1:
        return (f"concurrency_{route[1]}",)
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
