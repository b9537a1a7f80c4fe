"""Events to lines and back.

Readers ignore fields and types that they do not know. A torn last line is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields
from typing import Any

from runner.errors import LogError
from runner.events.times import format_time, parse_time
from runner.events.types import Event, Unknown


def _concrete(base: type[Event]) -> Iterator[type[Event]]:
    for sub in base.__subclasses__():
        if sub.type:
            yield sub
        yield from _concrete(sub)


TYPES: dict[str, type[Event]] = {t.type: t for t in _concrete(Event) if t.type != Unknown.type}

_MOST = 1e15
_DEFAULTS: dict[str, tuple[tuple[str, Any], ...]] = {}
_TUPLES: dict[str, tuple[str, ...]] = {}
_FIELDS: dict[str, frozenset[str]] = {}
_REQUIRED: dict[str, frozenset[str]] = {}
_KINDS: dict[str, dict[str, tuple[type, ...]]] = {}
_JSON_OF: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "int | None": (int, type(None)),
    "float": (float, int),
    "bool": (bool,),
    "bool | None": (bool, type(None)),
    "tuple[str, ...]": (list,),
    "dict[str, str]": (dict,),
    "dict[str, Any]": (dict,),
}
for _t in TYPES.values():
    _own = [f for f in fields(_t) if f.name != "at"]
    _DEFAULTS[_t.type] = tuple(
        (f.name, f.default_factory() if f.default_factory is not MISSING else f.default) for f in _own
    )
    _TUPLES[_t.type] = tuple(f.name for f in _own if str(f.type).startswith("tuple"))
    _FIELDS[_t.type] = frozenset(f.name for f in _own)
    _KINDS[_t.type] = {f.name: _JSON_OF[str(f.type)] for f in _own}
    _REQUIRED[_t.type] = frozenset(
        f.name for f in _own if f.default is MISSING and f.default_factory is MISSING
    )

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_quote = json.encoder.encode_basestring_ascii  # ASCII alone: a lone surrogate in an output is no trouble


def encode(event: Event, seq: int, run_id: str) -> str:
    """One line of the log, without its newline."""
    name = event.type
    line = f'{{"seq":{seq},"at":"{format_time(event.at)}","run_id":{_quote(run_id)},"type":"{name}"'
    for key, default in _DEFAULTS[name]:
        value = getattr(event, key)
        if value != default:  # four events a job: the general encoder takes twice as long for them
            text = (
                _quote(value) if type(value) is str else str(value) if type(value) is int else _encode(value)
            )
            line += f',"{key}":{text}'
    return line + "}"


def decode(line: str | bytes) -> Event:
    """The event of one line. Raises LogError where the line is not an event."""
    try:
        record = json.loads(line)
        name = record["type"]
        at = parse_time(record["at"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LogError(f"the event log has a line that is not an event: {error}") from error
    if not isinstance(name, str):
        raise LogError("the event log has an event whose type is no word")
    kind = TYPES.get(name)
    if kind is None:
        return Unknown(at=at, name=name, job_id=str(record.get("job_id", "")))
    known = _FIELDS[name]
    values = {key: value for key, value in record.items() if key in known}
    if not values.keys() >= _REQUIRED[name]:
        raise LogError(
            f"the event log has a {name} without {', '.join(sorted(_REQUIRED[name] - values.keys()))}"
        )
    kinds = _KINDS[name]
    for key, value in values.items():
        if not isinstance(value, kinds[key]) or not _is_measured(value):
            raise LogError(f"the event log has a {name} whose {key} is not what it must be")
    for key in _TUPLES[name]:
        if key in values:
            values[key] = tuple(str(item) for item in values[key])
    return kind(at=at, **values)


def _is_measured(value: object) -> bool:
    """Whether a number can be one of seconds, bytes or a count: JSON takes NaN, and any number of digits."""
    return not isinstance(value, int | float) or -_MOST < value < _MOST


def decode_lines(data: bytes) -> list[Event]:
    """All events of a log. What follows the last newline is a torn line, and dropped."""
    end = data.rfind(b"\n") + 1
    return [decode(line) for line in data[:end].splitlines() if line]


def encode_lines(events: Iterable[Event], run_id: str, first_seq: int = 1) -> bytes:
    return "".join(encode(e, first_seq + i, run_id) + "\n" for i, e in enumerate(events)).encode()
