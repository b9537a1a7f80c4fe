"""Failures on demand: which calls are hit, and what happens to them instead of a proper reply."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatch


@dataclass
class Fault:
    """Hits calls whose operation matches (`issues/*`): not the first `skip`, then every n-th, `times` in all.

    `status` 0: the connection is cut without a reply. `carried_out`: the effect happens before that.
    `hang`: the reply does not come until the double is closed.
    """

    status: int = 0
    operation: str = "*"
    times: int | None = 1
    every: int = 1
    skip: int = 0
    carried_out: bool = False
    hang: bool = False
    message: str = "Something went wrong"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """What is sent in place of a JSON error."""
    seen: int = 0
    hits: int = 0

    def strikes(self, operation: str) -> bool:
        """Whether this call is hit; it is counted."""
        if not fnmatch(operation, self.operation):
            return False
        self.seen += 1
        if self.seen <= self.skip or (self.seen - self.skip) % self.every:
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True
