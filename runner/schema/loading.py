"""The schemas, as they lie beside the program."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from runner import resources


@cache
def load(name: str) -> dict[str, Any]:
    """The schema `queue`, `config`, `plan` or `event`."""
    schema: dict[str, Any] = json.loads(resources.path("schemas", f"{name}.schema.json").read_bytes())
    return schema
