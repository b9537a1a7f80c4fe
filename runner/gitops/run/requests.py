"""What replies ask of the machine that runs a run: it reads them in the pull request's comments.

A reply is ours by its author and its marker; what somebody else writes asks nothing. The comment that was
answered names the request, so that it counts once however often it is found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner.errors import ForgeError, StoreError
from runner.ports import CodeHost, Comment
from runner.report import markers
from runner.runs.source import Where, source_of
from runner.state import RunState

SHORTEST = 15.0
LONGEST = 60.0
"""Seconds between two looks at the comments; in between a twentieth of the run's time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`name` is the request's in the log. Without `job_ids` all of the run is meant. `by`: a login, or ""."""

    name: str
    job_ids: tuple[str, ...] = ()
    by: str = ""


def cancel_requests(
    comments: Iterable[Comment], login: str, run_id: str, workflow_run: int = 0
) -> list[Request]:
    """Requests to cancel `run_id`, oldest first. `login`: our own.

    Only those made to `workflow_run` (0: to any): what came too late for one machine is not for the next, on
    which somebody runs the jobs again.
    """
    seen = list(comments)
    authors = {str(comment.id): comment.author for comment in seen}
    found: dict[int, Request] = {}
    for comment in seen:
        marker = markers.parse(comment.body)
        if marker is None or not login or comment.author.casefold() != login.casefold():
            continue
        asked = marker.request
        if asked is None or (asked.do, asked.run) != ("cancel", run_id) or not marker.subject.isdigit():
            continue
        if workflow_run in {0, asked.on}:
            by = authors.get(marker.subject, "")
            request = Request(name=f"comment-{marker.subject}", job_ids=asked.jobs, by=by)
            found.setdefault(int(marker.subject), request)
    return [found[number] for number in sorted(found)]


class Requests:
    """Looks now and then, and lays down for a live run what is new. One for each run.

    `trouble` says why the last look failed, "" where it did not: the run goes on without it.
    """

    def __init__(self, workflow_run: int = 0) -> None:
        self.trouble = ""
        self._workflow_run = workflow_run
        self._login = ""
        self._due = 0.0
        self._given: set[str] = set()

    def poll(self, forge: CodeHost, pull: int, where: Where, state: RunState, now: float) -> list[Request]:
        """What was laid down in the run's place now."""
        if now < self._due or not pull:
            return []
        self._due = now + min(max(SHORTEST, state.elapsed(now) / 20), LONGEST)
        try:
            self._login = self._login or forge.login()
            comments = forge.comments(pull)
        except ForgeError as error:
            self.trouble = error.message
            self._due = now + LONGEST
            return []
        self.trouble = ""
        wanted = cancel_requests(comments, self._login, state.run_id, self._workflow_run)
        try:
            return [request for request in wanted if self._put(request, where, state)]
        except StoreError as error:
            self.trouble = error.message  # what was not laid down is found again at the next look
            return []

    def _put(self, request: Request, where: Where, state: RunState) -> bool:
        if request.name in self._given or request.name in state.requests:
            return False
        body = {"type": "cancel", "job_ids": list(request.job_ids), "by": request.by}
        source_of(where).request(body, request.name)
        self._given.add(request.name)
        return True
