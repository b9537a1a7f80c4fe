"""The one plan comment of a pull request: made or edited so that whoever is interrupted or races agrees."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runner.errors import ForgeNotFoundError
from runner.ports import CodeHost, Comment
from runner.report import markers
from runner.report.markers import Choice, Marker, Posted

_ROUNDS = 4
"""A round for the comment, one for a rival's, one for a deleted one; the last finds nothing to do."""
NEWER, SAME, WRITTEN, NOTHING = "newer", "same", "written", "nothing"


def plan_comments(forge: CodeHost, number: int) -> tuple[Choice, dict[int, Comment]]:
    """Our plan comments of a pull request: which to keep, and all of them by id."""
    comments = forge.comments(number)
    choice = markers.choose(map(_posted, comments), "plan", forge.login(), str(number))
    return choice, {comment.id: comment for comment in comments}


def post(
    forge: CodeHost, number: int, generation: int, body: Callable[[Marker | None], str], *, only_edit: bool
) -> str:
    """Make the comment say what `body` gives for the marker that it replaces; NEWER where a newer is there.

    With `only_edit` none is posted where there is none. Looks again after each write: who posted at the same
    time sees it too, and both keep the oldest.
    """
    done = SAME
    for _ in range(_ROUNDS):
        choice, comments = plan_comments(forge, number)
        if choice.newest is not None and choice.newest.generation > generation:
            if choice.keep is not None and markers.parse(choice.keep.body) == choice.newest:
                _minimize(forge, choice, comments)  # ours came late, beside it
            return NEWER
        if choice.keep is None and only_edit:
            return NOTHING
        text = body(choice.newest)
        if choice.keep is None:
            forge.add_comment(number, text)
        elif _same(choice.keep.body, text):
            _minimize(forge, choice, comments)
            return done
        elif not _edit(forge, comments[choice.keep.comment_id], text):
            continue
        done = WRITTEN
    return done


def _edit(forge: CodeHost, comment: Comment, text: str) -> bool:
    try:
        forge.edit_comment(comment, text)
    except ForgeNotFoundError:  # somebody deleted it since
        return False
    return True


def _minimize(forge: CodeHost, choice: Choice, comments: Mapping[int, Comment]) -> None:
    for duplicate in choice.minimize:
        forge.minimize_comment(comments[duplicate.comment_id])


def _same(one: str, other: str) -> bool:
    """A forge may have other line ends, and drops blanks at the end."""
    return one.replace("\r\n", "\n").rstrip() == other.rstrip()


def _posted(comment: Comment) -> Posted:
    return Posted(
        comment_id=comment.id, author=comment.author, body=comment.body, minimized=comment.minimized
    )
