"""When the next request may go: a pure account of the last hour, with the time as an argument.

Two sliding windows for writes and one for all requests. Exact where a bucket that refills would let up to
twice the limit through: GitHub counts any sixty seconds, not those of our bucket.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one repository may be asked. `apart` is in seconds; 0 turns a limit off."""

    apart: float = 1.0
    writes_per_minute: int = 80
    writes_per_hour: int = 500
    requests_per_hour: int = 1000
    """What a workflow's own token has; other tokens have 5,000."""

    def shared(self, among: int) -> Limits:
        """One part of these, for each of several machines that write at the same time."""
        return replace(
            self,
            apart=self.apart * among,
            writes_per_minute=_part(self.writes_per_minute, among),
            writes_per_hour=_part(self.writes_per_hour, among),
            requests_per_hour=_part(self.requests_per_hour, among),
        )


def _part(limit: int, among: int) -> int:
    return max(1, limit // among) if limit else 0


@dataclass(frozen=True, slots=True)
class Spent:
    """Times of the requests of the last hour, ascending, and of the writes among them."""

    requests: tuple[float, ...] = ()
    writes: tuple[float, ...] = ()


def earliest(spent: Spent, limits: Limits, now: float, *, write: bool) -> float:
    """The first moment from `now` on at which a request breaks no limit."""
    known = _current(spent, now)
    moments = [now, _after(known.requests, limits.requests_per_hour, HOUR)]
    if write:
        moments += [
            _after(known.writes, 1, limits.apart),
            _after(known.writes, limits.writes_per_minute, MINUTE),
            _after(known.writes, limits.writes_per_hour, HOUR),
        ]
    return max(moments)


def _after(times: tuple[float, ...], limit: int, window: float) -> float:
    """When fewer than `limit` of `times` are within the window."""
    return times[-limit] + window if limit and len(times) >= limit else 0.0


def spend(spent: Spent, at: float, *, write: bool) -> Spent:
    """The account with one more request. What is older than an hour is forgotten."""
    known = _current(spent, at)
    return Spent((*known.requests, at), (*known.writes, at) if write else known.writes)


def _current(spent: Spent, now: float) -> Spent:
    """Without what is too old to count, and without times to come: a clock set back must not block."""
    return Spent(
        tuple(t for t in spent.requests if now - HOUR < t <= now),
        tuple(t for t in spent.writes if now - HOUR < t <= now),
    )
