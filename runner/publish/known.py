"""What the forge is known to have: read once, carried on by our own writes, read again in doubt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from runner.errors import ForgeBusyError, ForgeError, ForgeNotFoundError, ForgeRefusedError
from runner.ports import Clock, Comment, Conversation, Forge, Status
from runner.publish.target import Target
from runner.publish.trouble import Trouble
from runner.publish.wanted import Picture
from runner.report import markers
from runner.report.statuses import StatusText

COMMENTS = "the comments"
_FRESH = 5.0
"""Seconds for which a list of comments is fresh enough to post one that was not in it."""


class Stage(Forge, Conversation, Protocol):
    """What publishing needs of a forge: a part of CodeHost."""

    def next_write(self) -> float: ...


class Known:
    """Learning raises only ForgeBusyError. `version` changes with whatever is known."""

    def __init__(self, forge: Stage, target: Target, *, clock: Clock, trouble: Trouble) -> None:
        self._forge = forge
        self._target = target
        self._clock = clock
        self._trouble = trouble
        self._login = ""
        self._statuses: dict[str, dict[str, Status]] = {}
        self._comments: dict[int, Comment] | None = None
        self._posted: dict[int, Comment] = {}
        self._read_at = -math.inf
        self._in_doubt = bool(target.pull)
        self.version = 0

    def picture(self) -> Picture:
        comments = None if self._comments is None else tuple(self._comments.values())
        return Picture(statuses=self._statuses, comments=comments, login=self._login)

    @property
    def next_look(self) -> float:
        """When something is to be read, seconds since the epoch; infinity: all is known that can be."""
        missing = [commit for commit in self._target.commits if commit not in self._statuses]
        return min(
            (self._trouble.wait([key]) for key in (*missing, *([COMMENTS] if self._in_doubt else ()))),
            default=math.inf,
        )

    @property
    def is_fresh(self) -> bool:
        """Whether a comment that is not known does not exist, but for those posted in these seconds."""
        return not self._in_doubt and self._clock.now() - self._read_at < _FRESH

    def look(self) -> None:
        """Read what is missing or in doubt."""
        now = self._clock.now()
        for commit in self._target.commits:
            if commit not in self._statuses and self._trouble.wait([commit]) <= now:
                self._read_statuses(commit)
        if self._in_doubt and self._trouble.wait([COMMENTS]) <= now:
            self.read_comments()

    def _read_statuses(self, commit: str) -> None:
        try:
            found = {status.context: status for status in self._forge.statuses(commit)}
        except ForgeBusyError:
            raise
        except ForgeError as error:
            refused = isinstance(error, ForgeRefusedError)
            if not refused and not self._trouble.failed(commit, error, self._clock.now(), matters=False):
                return
            found = {}  # what is there may then be written once more, which does no harm
        self._statuses[commit] = found
        self.version += 1

    def read_comments(self) -> None:
        try:
            self._login = self._forge.login()
            found = self._forge.comments(self._target.pull)
        except ForgeBusyError:
            raise
        except (ForgeRefusedError, ForgeNotFoundError) as error:
            self._in_doubt = False
            self._trouble.give_up(COMMENTS, error)
        except ForgeError as error:
            self._trouble.failed(COMMENTS, error, self._clock.now())
        else:
            self._trouble.worked(COMMENTS)
            self._found(found)
        self.version += 1

    def _found(self, comments: Sequence[Comment]) -> None:
        ours = [
            c for c in comments if c.author.casefold() == self._login.casefold() and markers.parse(c.body)
        ]
        # A list may lag behind what was posted a moment ago.
        self._comments = {**self._posted, **{comment.id: comment for comment in ours}}
        self._posted.clear()
        self._read_at, self._in_doubt = self._clock.now(), False

    def doubt_comments(self) -> None:
        self._in_doubt = True
        self.version += 1

    def doubt_statuses(self, commit: str) -> None:
        self._statuses.pop(commit, None)
        self.version += 1

    def has_status(self, commit: str, status: StatusText) -> None:
        made = Status(context=status.context, state=status.state, description=status.description)
        self._statuses.setdefault(commit, {})[status.context] = made
        self.version += 1

    def has_comment(self, comment: Comment, *, new: bool = False) -> None:
        assert self._comments is not None  # noqa: S101  none is written before they were read
        self._comments[comment.id] = comment
        if new:
            self._posted[comment.id] = comment
            self._in_doubt = True  # somebody else may have posted the same at the same time
        self.version += 1
