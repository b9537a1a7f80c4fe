"""`plan.json`: a plan as JSON and back, exactly.

`version` is 1. A field that has its default value is left out, so the defaults of version 1 may never
change under a reader: `tests/examples/plan/v1.json` holds them still. Readers ignore fields that they
do not know. ASCII only, so that any string a file can hold survives.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from runner.errors import PlanError
from runner.graph import Graph
from runner.model import Git, Job, Machine, Plan, Queue, Retry, Strategy

VERSION = 1
Form = dict[str, Any]
Reader = Callable[[Any], Any]

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False).encode


def to_json(plan: Plan) -> bytes:
    """The bytes of `plan.json`, without a newline at the end."""
    form = {
        "version": VERSION,
        "digest": plan.digest,
        "source": plan.source,
        "runner_version": plan.runner_version,
        "git": form_of(plan.git),
        "queue": queue_form(plan.queue),
    }
    return _encode(form).encode("ascii")


def from_json(raw: bytes) -> Plan:
    """The plan in these bytes. Raises PlanError where they hold none, or one of a newer runner."""
    try:
        form = _mapping(json.loads(raw))
    except (ValueError, TypeError, RecursionError) as error:
        raise PlanError(f"plan.json is not a plan: {error}", hint="plan the queue again") from error
    return plan_of(form)


def plan_of(form: Mapping[str, Any]) -> Plan:
    """The plan in the values of a `plan.json`. Raises PlanError."""
    _check_version(form.get("version"))
    try:
        plan = Plan(
            digest=_text(form["digest"]),
            source=_text(form["source"]),
            runner_version=_text(form["runner_version"]),
            git=Git(**_read(_mapping(form["git"]), _GIT)),
            queue=_queue(form["queue"]),
        )
        _check_graph(plan.queue)
    except KeyError as error:
        raise _broken(f"{error.args[0]} is missing") from error
    except (ValueError, TypeError) as error:
        raise _broken(str(error)) from error
    return plan


def queue_from(form: Form) -> Queue:
    """The queue of a form, by way of its text: as whoever reads the file will have it. Raises PlanError."""
    try:
        return _queue(json.loads(_encode(form)))
    except (ValueError, TypeError) as error:
        raise _broken(str(error)) from error


def _check_graph(queue: Queue) -> None:
    """Whoever reads a plan may take its graph for granted, also where a stranger wrote the file."""
    graph = Graph.of(queue)
    if len(graph.index) != len(graph.ids):
        raise ValueError("two jobs have one id")


def _check_version(version: object) -> None:
    if isinstance(version, int) and version > VERSION:
        raise PlanError(
            f"plan.json has version {version}; this runner reads versions up to {VERSION}",
            hint="a newer runner wrote it: upgrade this one",
        )
    if version != VERSION or isinstance(version, bool):
        raise _broken("it has no version that a runner writes")


def _broken(what: str) -> PlanError:
    return PlanError(f"plan.json is not a plan: {what}", hint="plan the queue again")


def queue_form(queue: Queue) -> Form:
    """A queue as plain JSON values: what `plan.json` holds and the digest is taken over."""
    form = form_of(queue)
    form["jobs"] = [job_form(job) for job in queue.jobs]
    if queue.machine != _LOCAL:
        form["machine"] = form_of(queue.machine)
    else:
        form.pop("machine", None)
    return form


def job_form(job: Job) -> Form:
    form = form_of(job)
    if "retry" in form:
        form["retry"] = form_of(job.retry)
    return form


def form_of(record: Any) -> Form:
    """The fields of a frozen record that differ from their defaults."""
    form = {}
    for name, default in _WRITTEN[type(record)]:
        value = getattr(record, name)
        if value != default:
            form[name] = sorted(value) if isinstance(value, frozenset) else value
    return form


def _defaults(record: type[Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (f.name, f.default_factory() if f.default_factory is not MISSING else f.default)
        for f in fields(record)
    )


_WRITTEN = {record: _defaults(record) for record in (Queue, Job, Retry, Machine, Git)}
_LOCAL = Machine()
_NO_RETRY = Retry()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError("a text was expected")


def _number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise TypeError("a number was expected")


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError("a whole number was expected")


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError("true or false was expected")


def _mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise TypeError("an object was expected")


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise TypeError("a list of texts was expected")


def _codes(value: Any) -> tuple[int, ...]:
    if isinstance(value, list):
        return tuple(_whole(item) for item in value)
    raise TypeError("a list of exit codes was expected")


def _named(value: Any) -> dict[str, str]:
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return value
    raise TypeError("an object of texts was expected")


def _command(value: Any) -> str | tuple[str, ...]:
    return value if isinstance(value, str) else _texts(value)


def _retry(value: Any) -> Retry:
    return Retry(**_read(_mapping(value), _RETRY))


def _machine(value: Any) -> Machine:
    return Machine(**_read(_mapping(value), {"provider": _text, "options": _mapping}))


def _jobs(value: Any) -> tuple[Job, ...]:
    if isinstance(value, list):
        return tuple(_job(item) for item in value)
    raise TypeError("a list of jobs was expected")


def _job(value: Any) -> Job:
    values = _read(_mapping(value), _JOB)
    # Without this every job would get a record of its own that says the same.
    values.setdefault("retry", _NO_RETRY)
    return Job(**values)


def _queue(value: Any) -> Queue:
    return Queue(**_read(_mapping(value), _QUEUE))


def _optional(reader: Reader) -> Reader:
    return lambda value: None if value is None else reader(value)


def _read(form: Mapping[str, Any], readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Known fields through their readers. A wrong type is a TypeError that names the field."""
    values: dict[str, Any] = {}
    for name, value in form.items():
        reader = readers.get(name)
        if reader is None:
            continue
        try:
            values[name] = reader(value)
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from error
    return values


_READERS: dict[str, Reader] = {
    "str": _text,
    "int": _whole,
    "float": _number,
    "bool": _flag,
    "Any": lambda value: value,
    "str | None": _optional(_text),
    "int | None": _optional(_whole),
    "float | None": _optional(_number),
    "tuple[str, ...]": _texts,
    "tuple[int, ...]": _codes,
    "frozenset[str]": lambda value: frozenset(_texts(value)),
    "str | tuple[str, ...]": _command,
    "dict[str, str]": _named,
    "dict[str, Any]": _mapping,
    "tuple[Job, ...]": _jobs,
    "Retry": _retry,
    "Machine": _machine,
    "Strategy": Strategy,
}


def _readers(record: type[Any]) -> dict[str, Reader]:
    """By the annotation: a field with a type that has no reader fails on import, not in a run."""
    return {f.name: _READERS[str(f.type)] for f in fields(record)}


_JOB, _RETRY, _QUEUE, _GIT = (_readers(record) for record in (Job, Retry, Queue, Git))
