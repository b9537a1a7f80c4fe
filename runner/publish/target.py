"""Where a run is shown."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.report.links import Links
from runner.report.statuses import STATUS_JOBS


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`commit` has the statuses of the queue and its jobs, `head` (of a pull request, or "") the queue's too.

    `pull` is the pull request that is commented on, 0 for none. With more jobs than `status_jobs` there are
    groups. `live_interval`: seconds between two edits of the live comment, at least.
    """

    commit: str
    head: str = ""
    pull: int = 0
    links: Links = field(default_factory=Links)
    status_jobs: int = STATUS_JOBS
    live_interval: float = 15.0

    @property
    def commits(self) -> tuple[str, ...]:
        """All that have statuses."""
        return tuple(dict.fromkeys(commit for commit in (self.commit, self.head) if commit))
