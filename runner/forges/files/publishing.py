"""Statuses and comments as files.

statuses/COMMIT.json              every status that was set, oldest first
pulls/7/comments/000012.md        the text, to be looked at
pulls/7/comments/000012.json      who, when, minimized, reactions; written last: with it the comment exists
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from runner.errors import ForgeError, ForgeNotFoundError, ForgeRefusedError
from runner.forges import bounds
from runner.forges.files.looking import Looking
from runner.ports import Comment, Status

_COMMIT = re.compile(r"[0-9a-f]{4,64}", re.ASCII)
_REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    """What is kept of a comment beside its text."""

    author: str
    at: float
    edited_at: float
    minimized: bool = False
    reactions: tuple[str, ...] | list[str] = ()


class Publishing(Looking):
    """The ports `Forge` and `Conversation`, over what is known of the repository."""

    def login(self) -> str:
        return self._login

    def statuses(self, commit: str) -> Sequence[Status]:
        newest: dict[str, Status] = {}
        for record in reversed(self._folder.get(_statuses_of(commit)) or []):
            newest.setdefault(record["context"], Status(**record))
        return tuple(newest.values())

    def set_status(self, commit: str, status: Status) -> None:
        bounds.check_status(status)
        name = _statuses_of(commit)
        made = dataclasses.replace(status, author=self._login, at=self._clock.now())
        with self._folder.changing():
            self._folder.put(name, [*(self._folder.get(name) or []), dataclasses.asdict(made)])

    def comments(self, pull: int) -> Sequence[Comment]:
        self.pull(pull)
        names = self._folder.names(f"pulls/{pull}/comments/[0-9]*.json")
        return tuple(comment for name in names if (comment := self._read(name)) is not None)

    def add_comment(self, pull: int, body: str) -> Comment:
        bounds.check_comment(body)
        if self.repository().archived:
            raise ForgeRefusedError(f"cannot comment on #{pull}: the repository is archived")
        if self.pull(pull).locked:
            raise ForgeRefusedError(f"cannot comment on #{pull}: the conversation is locked")
        return self.put_comment(pull, body, author=self._login)

    def put_comment(self, pull: int, body: str, *, author: str) -> Comment:
        """A comment of anybody's."""
        now = self._clock.now()
        with self._folder.changing():
            number = self._folder.next_id()
            self._write(pull, number, body)
            self._folder.put(_about(pull, number), _About(author=author, at=now, edited_at=now))
        return self.comment(number)

    def edit_comment(self, comment: Comment, body: str) -> None:
        bounds.check_comment(body)
        with self._folder.changing():
            about = self._about(comment.id)
            self._write(comment.pull, comment.id, body)
            now = self._clock.now()
            self._folder.put(_about(comment.pull, comment.id), dataclasses.replace(about, edited_at=now))

    def minimize_comment(self, comment: Comment) -> None:
        with self._folder.changing():
            about = dataclasses.replace(self._about(comment.id), minimized=True)
            self._folder.put(_about(comment.pull, comment.id), about)

    def comment(self, comment_id: int) -> Comment:
        found = self._read(self._name(comment_id))
        if found is None:
            raise _missing(comment_id)
        return found

    def react(self, comment: Comment, reaction: str) -> None:
        if reaction not in _REACTIONS:
            raise ForgeError(f"{reaction!r} is no reaction: {', '.join(_REACTIONS)}")
        with self._folder.changing():
            about = self._about(comment.id)
            given = list(dict.fromkeys([*about.reactions, reaction]))
            self._folder.put(_about(comment.pull, comment.id), dataclasses.replace(about, reactions=given))

    def reactions(self, comment: Comment) -> Sequence[str]:
        """What we reacted with, oldest first."""
        return tuple(self._about(comment.id).reactions)

    def _name(self, comment_id: int) -> str:
        found = self._folder.names(f"pulls/*/comments/{comment_id:06d}.json")
        if not found:
            raise _missing(comment_id)
        return found[0]

    def _about(self, comment_id: int) -> _About:
        found = self._folder.record(self._name(comment_id), _About)
        if found is None:
            raise _missing(comment_id)
        return found

    def _read(self, name: str) -> Comment | None:
        """None where it was deleted in the meantime."""
        about = self._folder.record(name, _About)
        body = self._folder.read(name.removesuffix(".json") + ".md")
        if about is None or body is None:
            return None
        parts = name.split("/")
        return Comment(
            id=int(parts[-1].removesuffix(".json")),
            pull=int(parts[1]),
            author=about.author,
            body=body.decode("utf-8", "replace"),
            at=about.at,
            edited_at=about.edited_at,
            by_bot=about.author.endswith("[bot]"),
            minimized=about.minimized,
            url=(self._folder.root / name).with_suffix(".md").as_uri()
            if self._folder.root.is_absolute()
            else "",
        )

    def _write(self, pull: int, number: int, body: str) -> None:
        self._folder.write(f"pulls/{pull}/comments/{number:06d}.md", body.encode("utf-8", "replace"))


def _about(pull: int, number: int) -> str:
    return f"pulls/{pull}/comments/{number:06d}.json"


def _statuses_of(commit: str) -> str:
    if not _COMMIT.fullmatch(commit):
        raise ForgeError(f"{commit!r} is no commit")
    return f"statuses/{commit}.json"


def _missing(comment_id: int) -> ForgeNotFoundError:
    return ForgeNotFoundError(f"comment {comment_id} is not there", hint="somebody deleted it")
