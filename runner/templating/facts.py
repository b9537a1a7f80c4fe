"""What is known of a template before it is evaluated, and the names that mean something in one."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

PLAN_TIME = frozenset({"params", "matrix", "git", "now"})
RUN_TIME = frozenset({"jobs", "item", "index"})
RESERVED = PLAN_TIME | RUN_TIME | {"loop"}
STATUS_FUNCTIONS = frozenset({"succeeded", "failed", "always"})
FUNCTIONS = STATUS_FUNCTIONS | {"range"}
JOB_FIELDS = ("status", "exit_code", "outputs")

Sources = frozenset[str]
"""Where text from outside the file comes in: `params.name`, `git.branch`, `jobs['a'].outputs.x`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a template reads.

    `names` are the free names. `params` and `matrix` are the keys read where a missing one is an error,
    `optional` the params read under `default` or `is defined`; `whole` says that `params` is read as one.
    `jobs` are job ids. `functions` are those it calls, `asks` that it reads a status or an exit code.
    `outside` is what reaches the text from outside the file without quotes.
    """

    names: frozenset[str] = frozenset()
    params: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    whole: bool = False
    matrix: frozenset[str] = frozenset()
    jobs: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    asks: bool = False
    outside: Sources = frozenset()

    def __or__(self, other: Facts) -> Facts:
        return Facts(**{f.name: getattr(self, f.name) | getattr(other, f.name) for f in fields(self)})


NOTHING = Facts()


def key(node: Any) -> str | None:
    """The `b` of `a.b` and `a['b']`."""
    if type(node).__name__ == "Getattr":
        return str(node.attr)
    if type(node).__name__ == "Getitem" and isinstance(getattr(node.arg, "value", None), str):
        return str(node.arg.value)
    return None


def job_id(node: Any) -> str | None:
    """The ID of `jobs.ID` and `jobs['ID']`."""
    owner: Any = getattr(node, "node", None)
    return key(node) if type(owner).__name__ == "Name" and owner.name == "jobs" else None
