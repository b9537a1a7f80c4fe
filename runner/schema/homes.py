"""Where a field belongs that stands in the wrong place, as the schemas have it."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from runner.schema.loading import load

_BELONGS = {
    "defaults": "belongs to a job: write it there, or below `defaults` for all jobs",
    "job": "belongs to a job, below `jobs`",
    "machine": "belongs to the machine of the whole queue: write it below `machine`, beside `jobs`",
    "retry": "belongs to a job, below `retry`",
    "queue": "belongs to the whole queue: write it beside `jobs`",
    "settings": "is a setting of the repository: write it into .github/runner.yaml",
    "aws": "belongs to the account: write it below `aws` in .github/runner.yaml",
    "policy": "is a limit: write it below `policy`",
    "queue file": "belongs to a queue, which has a file of its own",
}
_LOOKED_AT = {
    "Queue file": ("defaults", "job", "machine", "retry", "settings", "aws"),
    "job": ("queue", "machine", "retry", "settings"),
    "defaults": ("job", "queue", "machine", "retry"),
    "machine": ("queue", "defaults", "aws"),
    "retry": ("defaults", "queue"),
    "Configuration: .github/runner.yaml": ("aws", "policy", "machine", "queue file"),
}
"""By the title of what does not have the field: who else may, the likeliest first."""


def home(key: str, owner: str) -> str:
    """What to do with a field that `owner`, by its schema's title, does not have; "" where nobody has it."""
    found = (place for place in _LOOKED_AT.get(owner, ()) if key in _fields()[place])
    return next((_BELONGS[place] for place in found), "")


@cache
def _fields() -> dict[str, Collection[str]]:
    queue, settings = load("queue"), load("config")
    return {
        "defaults": queue["properties"]["defaults"]["properties"],
        **{name: queue["$defs"][name]["properties"] for name in ("job", "machine", "retry")},
        "queue": queue["properties"],
        "queue file": queue["properties"],
        "settings": settings["properties"],
        **{name: settings["properties"][name]["properties"] for name in ("aws", "policy")},
    }
