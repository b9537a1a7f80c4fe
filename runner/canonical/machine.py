"""Where a queue runs: its own `machine` over the configured one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.model import Machine


def machine_of(fields: Mapping[str, Any], configured: Mapping[str, Any]) -> Machine:
    """The queue's machine over the configured one; the latter does not count for another provider."""
    own = fields.get("machine") or {}
    base = configured if own.get("provider") in (None, configured.get("provider")) else {}
    options = {key: value for key, value in {**base, **own}.items() if not key.startswith("x-")}
    return Machine(provider=options.pop("provider", "local"), options=options)
