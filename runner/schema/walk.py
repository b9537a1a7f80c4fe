"""Where a tree breaks its schema: one finding at a time, each with its route, in the order of the file.

Knows the keywords that our schemas use, no others (a test holds it to that, and compares it with the
reference implementation). Parts of the tree that the compiled validator accepts are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

import jsonschema_rs

from runner.problems import Route

Schema = dict[str, Any]

TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "integer": lambda v: not isinstance(v, bool) and (isinstance(v, int) or _whole(v)),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}
_BOUNDS: dict[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda v, bound: v >= bound,
    "maximum": lambda v, bound: v <= bound,
    "exclusiveMinimum": lambda v, bound: v > bound,
}
_SIZES: dict[str, type] = {"minLength": str, "minItems": list, "minProperties": dict}
_CHUNK = 512
"""So many members of a collection are asked about at once, before each of them is looked at."""
_LONG = 1000
_MEMBERS = ("properties", "patternProperties", "additionalProperties", "propertyNames")
EXPRESSIONS = ("expression", "templated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`schema` (with `$ref` followed) is broken at `route` in its `keyword`.

    `key` is the field that is meant, where one is; `branches` are the alternatives of an `anyOf`.
    """

    route: Route
    keyword: str
    schema: Schema
    value: Any
    key: str = ""
    branches: tuple[Schema, ...] = ()


class Walk:
    """The findings of one root schema."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._validators: dict[int, Any] = {}
        self._parts: dict[tuple[int, str], Schema] = {}

    def findings(self, tree: Any) -> Iterator[Finding]:
        yield from self._walk(tree, self._root, ())

    @cached_property
    def _expressions(self) -> tuple[Schema, ...]:
        defs = self._root.get("$defs", {})
        return tuple(defs[name] for name in EXPRESSIONS if name in defs)

    def _follow(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Any = self._root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return schema

    def _accepts(self, schema: Schema, value: Any) -> bool:
        """The compiled answer for a part of the schema."""
        key = id(schema)
        if key not in self._validators:
            part = {"$defs": self._root.get("$defs", {}), **schema}
            self._validators[key] = jsonschema_rs.Draft202012Validator(part)
        return bool(self._validators[key].is_valid(value))

    def _matches(self, schema: Schema, text: str) -> bool:
        """Long texts go to the compiled validator, whose time is linear whatever the pattern."""
        if len(text) > _LONG:
            return self._accepts(schema, text)
        return _compiled(schema["pattern"]).search(text) is not None

    def _walk(self, value: Any, schema: Schema, route: Route) -> Iterator[Finding]:
        schema = self._follow(schema)
        if isinstance(value, dict | list) and route and self._accepts(schema, value):
            return
        if not _is_type(value, schema.get("type")):
            yield Finding(route=route, keyword="type", schema=schema, value=value)
            return
        yield from self._scalar(value, schema, route)
        if isinstance(value, dict):
            yield from self._object(value, schema, route)
        elif isinstance(value, list) and "items" in schema:
            for index, item in self._doubtful_items(value, schema["items"]):
                yield from self._walk(item, schema["items"], (*route, index))
        if "anyOf" in schema:
            yield from self._any_of(value, schema, route)

    def _scalar(self, value: Any, schema: Schema, route: Route) -> Iterator[Finding]:
        broken = [k for k, kind in _SIZES.items() if k in schema and _smaller(value, kind, schema[k])]
        if TYPES["number"](value):
            broken += [k for k, ok in _BOUNDS.items() if k in schema and not ok(value, schema[k])]
        if "enum" in schema and not any(_equal(value, choice) for choice in schema["enum"]):
            broken.append("enum")
        if "const" in schema and not _equal(value, schema["const"]):
            broken.append("const")
        if "pattern" in schema and isinstance(value, str) and not self._matches(schema, value):
            broken.append("pattern")
        for keyword in broken:
            yield Finding(route=route, keyword=keyword, schema=schema, value=value)

    def _object(self, value: dict[str, Any], schema: Schema, route: Route) -> Iterator[Finding]:
        for key in schema.get("required", ()):
            if key not in value:
                yield Finding(route=route, keyword="required", schema=schema, value=value, key=key)
        names = schema.get("propertyNames")
        patterns = schema.get("patternProperties", {})
        rest = schema.get("additionalProperties", True)
        for key, item in self._doubtful_fields(value, schema):
            if names is not None and not self._matches(names, key):
                yield Finding(
                    route=(*route, key), keyword="propertyNames", schema=schema, value=item, key=key
                )
            below = schema.get("properties", {}).get(key)
            if below is None:
                below = next((s for p, s in patterns.items() if _compiled(p).search(key)), rest)
            if below is False:
                found = (*route, key)
                yield Finding(route=found, keyword="additionalProperties", schema=schema, value=item, key=key)
            elif below is not True:
                yield from self._walk(item, below, (*route, key))

    def _doubtful_items(self, value: list[Any], items: Schema) -> Iterator[tuple[int, Any]]:
        """The items of every chunk that is not all right."""
        for start in range(0, len(value), _CHUNK):
            chunk = value[start : start + _CHUNK]
            if not self._accepts(self._part(items, "items"), chunk):
                yield from enumerate(chunk, start)

    def _doubtful_fields(self, value: dict[str, Any], schema: Schema) -> Iterator[tuple[str, Any]]:
        fields = iter(value.items())
        while chunk := dict(islice(fields, _CHUNK)):
            if not self._accepts(self._part(schema, "fields"), chunk):
                yield from chunk.items()

    def _part(self, schema: Schema, kind: str) -> Schema:
        """What a schema says of any chunk of members: nothing about the whole."""
        if (id(schema), kind) not in self._parts:
            fields = {k: v for k, v in schema.items() if k in _MEMBERS}
            self._parts[id(schema), kind] = {"items": schema} if kind == "items" else fields
        return self._parts[id(schema), kind]

    def _any_of(self, value: Any, schema: Schema, route: Route) -> Iterator[Finding]:
        """The branch that the user most likely meant: the one of the value's own type."""
        branches = tuple(self._follow(branch) for branch in schema["anyOf"])
        if any(self._holds(value, branch, route) for branch in branches):
            return
        meant = [b for b in branches if b not in self._expressions and _is_type(value, b.get("type"))]
        if isinstance(value, dict | list) and len(meant) == 1 and "required" not in meant[0]:
            yield from self._walk(value, meant[0], route)
        else:
            shown = tuple(b for b in branches if b not in self._expressions)
            yield Finding(route=route, keyword="anyOf", schema=schema, value=value, branches=shown)

    def _holds(self, value: Any, branch: Schema, route: Route) -> bool:
        return next(self._walk(value, branch, route), None) is None


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """As ECMA-262 has it: `$` is the end, where Python's also matches before a last line break."""
    return re.compile(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern)


def _is_type(value: Any, wanted: str | list[str] | None) -> bool:
    if wanted is None:
        return True
    return any(TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))


def _whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer()


def _equal(value: Any, choice: Any) -> bool:
    """As JSON has it: true is not 1."""
    return value == choice and isinstance(value, bool) == isinstance(choice, bool)


def _smaller(value: Any, kind: type, bound: int) -> bool:
    return isinstance(value, kind) and isinstance(value, str | list | dict) and len(value) < bound
