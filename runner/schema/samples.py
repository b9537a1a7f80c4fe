"""Examples of the schema as a hint shows them."""

from __future__ import annotations

import json
import re
from typing import Any

from runner.document.scalars import resolve
from runner.schema.walk import Schema

_SAFE = re.compile(r"[\w./~][\w./~ +@=%-]*", re.ASCII)
"""Texts that need no quotes, wherever they stand."""


def sample(schema: Schema) -> str:
    """What a value of this schema looks like, or ""."""
    if schema.get("title") == "id":
        return "letters, digits, `.`, `_` and `-`, at most 63, beginning with a letter or digit"
    if "examples" in schema:
        return "such as " + ", ".join(f"`{_alone(e)}`" for e in schema["examples"][:3])
    has_form = "pattern" in schema or any("pattern" in branch for branch in schema.get("anyOf", ()))
    return schema.get("description", "") if has_form else ""


def _alone(example: Any) -> str:
    """A whole value: in braces a `:` would need quotes, and nothing else is likely to."""
    return example if isinstance(example, str) and ":" not in example else written(example)


def written(example: Any) -> str:
    """As YAML has it in one line: what a hint shows can be copied into a list or mapping in brackets."""
    if isinstance(example, dict):
        return "{" + ", ".join(f"{key}: {written(value)}" for key, value in example.items()) + "}"
    if isinstance(example, list):
        return "[" + ", ".join(map(written, example)) + "]"
    if not isinstance(example, str):
        return json.dumps(example)
    return json.dumps(example, ensure_ascii=False) if _needs_quotes(example) else example


def _needs_quotes(text: str) -> bool:
    return not isinstance(resolve(text), str) or not _SAFE.fullmatch(text)
