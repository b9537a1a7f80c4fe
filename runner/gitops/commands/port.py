"""What commands that run jobs need from whoever can run them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runner.gitops.commands.asked import Answer, Asked
from runner.ports import PullRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run is shown: the commit it runs at, and the pull request with its head."""

    commit: str
    head: str
    pull: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What came of it, in sentences of plain text (whatever they quote). `ok` False: it was not done.

    `headline` says in our own words how what was done ended.
    """

    ok: bool
    headline: str = ""
    said: tuple[str, ...] = ()


class Performing(Protocol):
    """Both return when everything is over and shown. They raise RunnerErrors for what could not be done."""

    def again(
        self, kind: str, directory: Path, run_id: str, job_ids: Sequence[str], target: Place
    ) -> Carried:
        """`kind`: `retry` or `resume` the run in `directory`. Without `job_ids` as `runner retry` does."""

    @property
    def reaches_cloud(self) -> bool:
        """Whether this process reaches into the cloud: what is there, others hand over."""

    def in_cloud(self, asked: Asked) -> Answer | None:
        """The answer to a command about a run in the cloud; None where it is not for this process.

        Raises RunnerErrors with the reason where it cannot be.
        """

    def refused(self, pull: PullRequest, digest: str) -> Carried:
        """Start the queues of a merged pull request that were held back, if their plan has this digest."""
