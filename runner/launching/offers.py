"""The table of prices that comes with the program: as it is written, and which types are in it where.

Apart from what costs are made of, so that validating a queue reads a file and loads no plan.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).with_name("prices.json")


@functools.cache
def table() -> dict[str, Any]:
    form: dict[str, Any] = json.loads(_TABLE.read_bytes())
    return form


def offered() -> Mapping[str, frozenset[str]]:
    """Region → the types whose price is known there: some milliseconds. AWS may have others since."""
    return {region: frozenset(one["types"]) for region, one in table()["regions"].items()}
