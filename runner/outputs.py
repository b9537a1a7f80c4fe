"""What a job wrote to `RUNNER_OUTPUT`: `name=value` lines, or `name=<json>`.

A line that is not one is passed over and said so; what reads the output it meant will say that it is missing.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

LIMIT = 64 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def parse(raw: bytes) -> tuple[dict[str, Any], str]:
    """(outputs, what is wrong with the file, or nothing). A later line wins."""
    if len(raw) > LIMIT:
        return {}, f"the outputs are {len(raw)} bytes, over the limit of {LIMIT}: none were kept"
    found: dict[str, Any] = {}
    wrong = ""
    for number, line in enumerate(raw.decode("utf-8", "replace").split("\n"), 1):
        line = line.removesuffix("\r")  # noqa: PLW2901  and nothing else ends a line
        name, equals, text = line.partition("=")
        if not line.strip():
            continue
        if not equals or not _NAME.fullmatch(name.strip()):
            wrong = wrong or f"line {number} of the outputs is not name=value and was passed over"
            continue
        found[name.strip()] = _value(text)
    return found, wrong


def _value(text: str) -> Any:
    """JSON where the text begins like JSON and is JSON, else the text itself."""
    if not text.startswith(("[", "{", '"')):
        return text
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
