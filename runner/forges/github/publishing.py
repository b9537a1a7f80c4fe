"""Statuses and comments on GitHub."""

from __future__ import annotations

from collections.abc import Sequence

from runner.errors import ForgeError, ForgeUnsureError
from runner.forges import bounds
from runner.forges.github import reading
from runner.forges.github.api import Api, segment
from runner.ports import Comment, Status

_VIEWER = "query { viewer { login } }"
_MINIMIZE = """
mutation ($comment: ID!) {
  minimizeComment(input: {subjectId: $comment, classifier: OUTDATED}) { minimizedComment { isMinimized } }
}
"""
_POSTS = 3
"""How often a comment is posted of which each time the reply is lost and nothing is found."""


class Publishing:
    """The port `Forge`, and `login`, which tells our own comments from others'."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._login = ""

    def statuses(self, commit: str) -> Sequence[Status]:
        # The combined status would be one page less, but does not say who wrote what.
        found = self._api.pages(f"read the statuses of {commit[:7]}", f"/commits/{segment(commit)}/statuses")
        newest: dict[str, Status] = {}
        for item in found:
            status = reading.read(reading.status, item)
            newest.setdefault(status.context, status)
        return tuple(newest.values())

    def set_status(self, commit: str, status: Status) -> None:
        bounds.check_status(status)
        body = {"context": status.context, "state": status.state, "description": status.description}
        if status.target:
            body["target_url"] = status.target
        doing = f"set the status {status.context} of {commit[:7]}"
        self._api.post(doing, f"/statuses/{segment(commit)}", body, repeatable=True)

    def login(self) -> str:
        if not self._login:
            # GET /user is not for a workflow's token; its viewer is `github-actions[bot]`.
            found = self._api.graphql("ask who the token belongs to", _VIEWER, write=False)
            self._login = reading.read(lambda data: str(data["viewer"]["login"]), found)
        return self._login

    def comments(self, pull: int) -> Sequence[Comment]:
        found = self._api.pages(f"read the comments of #{pull}", f"/issues/{pull}/comments")
        return tuple(reading.read(reading.comment, item) for item in found)

    def add_comment(self, pull: int, body: str) -> Comment:
        bounds.check_comment(body)
        for _ in range(_POSTS):
            try:
                found = self._api.post(f"comment on #{pull}", f"/issues/{pull}/comments", {"body": body})
                return reading.read(reading.comment, found)
            except ForgeUnsureError as error:
                unsure = error
                if not bounds.marker(body):
                    break
                posted = self._posted(pull, bounds.marker(body))
                if posted is not None:
                    return posted
        raise unsure

    def _posted(self, pull: int, marker: str) -> Comment | None:
        mine = self.login()
        return next(
            (
                c
                for c in reversed(self.comments(pull))
                if c.author == mine and bounds.marker(c.body) == marker
            ),
            None,
        )

    def edit_comment(self, comment: Comment, body: str) -> None:
        bounds.check_comment(body)
        self._api.patch(f"edit comment {comment.id} of #{comment.pull}", _path(comment.id), {"body": body})

    def minimize_comment(self, comment: Comment) -> None:
        if comment.minimized:
            return
        doing = f"minimize comment {comment.id} of #{comment.pull}"
        found = self._api.graphql(doing, _MINIMIZE, write=True, comment=comment.node)
        payload = found.get("minimizeComment") or {}
        if not (payload.get("minimizedComment") or {}).get("isMinimized"):
            raise ForgeError(f"cannot {doing}: GitHub left it as it was")

    def comment(self, comment_id: int) -> Comment:
        return reading.read(reading.comment, self._api.get(f"read comment {comment_id}", _path(comment_id)))

    def react(self, comment: Comment, reaction: str) -> None:
        path = f"{_path(comment.id)}/reactions"
        self._api.post(f"react to comment {comment.id}", path, {"content": reaction}, repeatable=True)


def _path(comment_id: int) -> str:
    return f"/issues/comments/{comment_id}"
