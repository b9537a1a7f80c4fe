"""What GitHub lets one token do in a time: an hourly count of requests, and a rate of new content."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.github_double.replies import Refusal

_JITTER = 1e-3
"""Seconds that a clock's rounding may take from a second."""


@dataclass
class Limits:
    """0 turns a limit off. `retry_after` None: the refusal names no time, as GitHub's often does not."""

    requests_per_hour: int = 1000
    writes_per_minute: int = 80
    writes_per_hour: int = 500
    apart: float = 1.0
    retry_after: int | None = 60
    refused: list[str] = field(default_factory=list)
    """The limits that were broken, in order: a client with a budget leaves this empty."""
    _requests: dict[str, list[float]] = field(default_factory=dict)
    _writes: list[float] = field(default_factory=list)

    def admit(self, token: str, now: float, *, write: bool) -> None:
        """Count one request; raises Refusal where a limit is broken."""
        used = [t for t in self._requests.get(token, []) if t > now - 3600]
        if self.requests_per_hour and len(used) >= self.requests_per_hour:
            self.refused.append("requests_per_hour")
            raise Refusal(403, "API rate limit exceeded for installation.")
        self._requests[token] = [*used, now]
        if write:
            self._admit_write(now)

    def _admit_write(self, now: float) -> None:
        if self.apart and self._writes and now - self._writes[-1] < self.apart - _JITTER:
            self._refuse("apart", "You have triggered an abuse detection mechanism.")
        for name, limit, window in (
            ("writes_per_minute", self.writes_per_minute, 60.0),
            ("writes_per_hour", self.writes_per_hour, 3600.0),
        ):
            if limit and sum(t > now - window + _JITTER for t in self._writes) >= limit:
                self._refuse(name, "You have exceeded a secondary rate limit.")
        self._writes.append(now)

    def _refuse(self, name: str, message: str) -> None:
        self.refused.append(name)
        headers = {} if self.retry_after is None else {"retry_after": str(self.retry_after)}
        raise Refusal(403, f"{message} Please wait a few minutes before you try again.", **headers)

    def headers(self, token: str, now: float) -> dict[str, str]:
        used = [t for t in self._requests.get(token, []) if t > now - 3600]
        limit = self.requests_per_hour or 5000
        return {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(max(0, limit - len(used))),
            "x-ratelimit-used": str(len(used)),
            "x-ratelimit-reset": str(int((used[0] if used else now) + 3600) + 1),
            "x-ratelimit-resource": "core",
        }
