"""GitHub's own description of itself: what operation a request is, what is wrong with it or its reply.

`make_slice.py` cuts it out of the official package.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

SLICE = json.loads((Path(__file__).parent / "api.github.com.slice.json").read_text())
DEFS = SLICE["$defs"]
WITH_SLASHES = ("path", "ref")
"""Path parameters that may hold slashes, where they end the path."""


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    pattern: re.Pattern[str]
    described: Mapping[str, Any]


def _pattern(path: str) -> re.Pattern[str]:
    last = path.rpartition("/")[2].strip("{}")
    parts = []
    for part in path.split("/"):
        name = part.strip("{}")
        slashes = name == last and name in WITH_SLASHES
        parts.append(
            f"(?P<{name}>{'.+' if slashes else '[^/]+'})" if part.startswith("{") else re.escape(part)
        )
    return re.compile("/".join(parts))


OPERATIONS = [
    Operation(name, found["method"], _pattern(found["path"]), found)
    for name, found in SLICE["operations"].items()
]


def find(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """The operation, and the parameters that stand in the path, decoded."""
    for operation in OPERATIONS:
        match = operation.pattern.fullmatch(path)
        if match and operation.method == method:
            return operation, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def wrong_request(
    operation: Operation, path: Mapping[str, str], query: Mapping[str, str], body: Any
) -> list[str]:
    """What of a request the description does not allow. An unknown parameter is a mistake, too."""
    parameters = operation.described["parameters"]
    complaints = []
    for place, given in (("path", path), ("query", query)):
        known = parameters[place]
        complaints += [f"no {place} parameter {name!r}" for name in given if name not in known]
        complaints += [f"{name}: missing" for name, p in known.items() if p["required"] and name not in given]
        for name in given.keys() & known.keys():
            schema = known[name]["schema"]
            complaints += [f"{name}: {wrong}" for wrong in mistakes(schema, _typed(given[name], schema))]
    wanted = operation.described["body"]
    if wanted is not None:
        complaints += mistakes({"additionalProperties": False} | wanted | {"type": "object"}, body)
        if operation.id == "actions/create-workflow-dispatch":
            complaints += [
                f"inputs: {v!r} is no text" for v in body.get("inputs", {}).values() if type(v) is not str
            ]
    elif body is not None:
        complaints.append("no body is expected")
    return complaints


def _typed(text: str, schema: Mapping[str, Any]) -> Any:
    return int(text) if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", text) else text


def wrong_reply(operation: Operation, status: int, body: Any) -> list[str]:
    """What of a reply the description does not know. Its general errors may come from any operation."""
    responses = operation.described["responses"]
    if str(status) in responses:
        schema = responses[str(status)]
    elif status >= 400:
        schema = {"anyOf": [{"$ref": "#/$defs/basic-error"}, {"$ref": "#/$defs/validation-error"}]}
    else:
        return [f"{operation.id} never answers {status}"]
    if schema is None:
        return [] if body is None else ["no body is expected"]
    return mistakes(schema, body)


def mistakes(schema: Mapping[str, Any], value: Any) -> list[str]:
    return [
        f"{'.'.join(map(str, error.instance_path)) or 'body'}: {error.message[:300]}"
        for error in _validator(json.dumps(schema)).iter_errors(value)
    ]


@cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        json.loads(schema) | {"$defs": DEFS}, validate_formats=True, ignore_unknown_formats=True
    )


def filled(name: str, known: Mapping[str, Any]) -> Any:
    """A whole object of the description: what is `known`, and something of the right type for the rest."""
    return _fill(DEFS[name], known)


_NOTHING = object()
_BY_FORMAT = {
    "uri": "https://github.example/",
    "date-time": "2026-01-01T00:00:00Z",
    "email": "nobody@github.example",
}


def _fill(schema: Mapping[str, Any], known: Any = _NOTHING) -> Any:
    while "$ref" in schema:
        schema = DEFS[schema["$ref"].rpartition("/")[2]]
    options = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if known is _NOTHING and ("null" in types or any(o.get("type") == "null" for o in options or ())):
        return None
    if known is None:
        return None
    if options and not types:
        return _fill(options[0], known)
    if "object" in types:
        return _filled_object(schema, {} if known is _NOTHING else known)
    if known is not _NOTHING:
        return known
    if "enum" in schema:
        return schema["enum"][0]
    return {"string": _BY_FORMAT.get(schema.get("format", ""), ""), "boolean": False, "array": []}.get(
        types[0] if types else "string", 0
    )


def _filled_object(schema: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    made = {name: _fill(properties.get(name, {}), value) for name, value in known.items()}
    for name in schema.get("required", ()):
        if name not in made:
            made[name] = _fill(properties.get(name, {}))
    return made
