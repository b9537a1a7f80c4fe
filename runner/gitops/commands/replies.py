"""The one reply to a comment, however many processes answer it and wherever one of them dies.

Whoever posts the oldest reply holds the comment, and alone does what it asks. A claim in the marker tells the
processes apart, also to a forge that looks for what it posted before its reply was lost.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from runner.errors import ForgeNotFoundError, RefusedError
from runner.gitops.context import Context
from runner.ports import CodeHost, Comment
from runner.report import markers
from runner.report.markers import Marker, Posted, Request
from runner.report.reply import ACCEPTED, DONE, Reply, broke_off, reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The reply that was there before this process gave one, with the newest that such replies say."""

    marker: Marker
    posted: Comment

    @property
    def is_done(self) -> bool:
        return self.marker.generation >= DONE


class Replies:
    """To one comment, from this process."""

    def __init__(self, forge: CodeHost, context: Context, comment: Comment) -> None:
        self._forge = forge
        self._context = context
        self._asked = comment
        self._claim = f"{context.run_id}.{context.attempt}.{secrets.token_hex(4)}"
        self._mine: Comment | None = None

    def before(self) -> Before | None:
        """The reply that somebody else gave or began; of several the oldest is left, the rest is folded."""
        choice, comments = self._look()
        if choice.keep is None or choice.newest is None:
            return None
        for extra in choice.minimize:
            self._forge.minimize_comment(comments[extra.comment_id])
        own = markers.parse(choice.keep.body)
        newest = choice.newest if own is None or choice.newest.generation > own.generation else own
        return Before(marker=newest, posted=comments[choice.keep.comment_id])

    def claim(self, said: Reply, request: Request | None = None) -> bool:
        """Say what will be done. True where it is for us to do it."""
        self._mine = self._forge.add_comment(self._asked.pull, self._body(said, ACCEPTED, request))
        return self._is_oldest()

    def alone(self, request: Request) -> None:
        """Raises RefusedError where an older reply, to another comment, is at work on the same run."""
        login = self._forge.login().casefold()
        for one in self._forge.comments(self._asked.pull):
            marker = markers.parse(one.body) if one.author.casefold() == login else None
            if marker is None or marker.generation >= DONE or marker.subject == str(self._asked.id):
                continue
            asked, older = marker.request, self._mine is not None and one.id < self._mine.id
            if asked is not None and asked.run == request.run and older and self._works(marker):
                raise RefusedError(
                    f"another command is at it already: {asked.do} {asked.run}", hint="wait for its reply"
                )

    def finish(self, said: Reply, request: Request | None = None) -> bool:
        """The whole answer, in place of ours or as a new one. False where another was first."""
        body = self._body(said, DONE, request)
        if self._mine is None:
            self._mine = self._forge.add_comment(self._asked.pull, body)
            return self._is_oldest()
        try:
            self._forge.edit_comment(self._mine, body)
        except ForgeNotFoundError:  # somebody deleted it, and meant it
            return False
        return True

    def settle(self, before: Before) -> bool:
        """Say of a reply whose process is gone that it broke off. False where it may still be at work."""
        if self._works(before.marker):
            return False
        now = self._forge.comment(before.posted.id)
        if now.body != before.posted.body:
            return False
        number, _ = _claimed(before.marker)
        marker = replace(before.marker, generation=DONE, request=None)
        self._forge.edit_comment(before.posted, reply(marker, broke_off(self._context.page(number))))
        return True

    def _works(self, marker: Marker) -> bool:
        """Whether the process that made this claim may still live."""
        number, attempt = _claimed(marker)
        if number in {0, self._context.run_id}:  # of one workflow run only the newest attempt lives
            return number != 0 and attempt > self._context.attempt
        try:
            found = self._forge.workflow_run(number)
        except ForgeNotFoundError:
            return False
        return not found.conclusion and found.attempt <= attempt

    def _is_oldest(self) -> bool:
        """Racing processes agree by the order in which the forge took their replies."""
        choice, comments = self._look()
        mine, self._mine = self._mine, None
        if mine is None or mine.id not in comments:  # somebody deleted it, and meant it
            return False
        if choice.keep is not None and choice.keep.comment_id == mine.id:
            self._mine = mine
            return True
        self._forge.minimize_comment(comments[mine.id])
        return False

    def _look(self) -> tuple[markers.Choice, dict[int, Comment]]:
        comments = {one.id: one for one in self._forge.comments(self._asked.pull)}
        posted = [
            Posted(comment_id=one.id, author=one.author, body=one.body, minimized=one.minimized)
            for one in comments.values()
        ]
        choice = markers.choose(posted, "reply", self._forge.login(), str(self._asked.id))
        return choice, comments

    def _body(self, said: Reply, generation: int, request: Request | None = None) -> str:
        marker = Marker(
            kind="reply",
            subject=str(self._asked.id),
            generation=generation,
            claim=self._claim,
            request=request,
        )
        return reply(marker, said)


def _claimed(marker: Marker) -> tuple[int, int]:
    """The workflow run that made the claim, and its attempt."""
    number, attempt, _ = (marker.claim or "0.0.0").split(".")
    return int(number), int(attempt)
