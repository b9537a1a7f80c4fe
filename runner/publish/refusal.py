"""Says on a commit and in its pull request that a queue was not started."""

from __future__ import annotations

from collections.abc import Sequence

from runner.errors import ForgeRefusedError
from runner.ports import Comment, Status
from runner.publish.known import Stage
from runner.publish.target import Target
from runner.report import clean, markers
from runner.report.comment_refused import refused_comment
from runner.report.markers import Posted
from runner.report.statuses import ERROR, PENDING, context_of

_DESCRIPTION = 140
_BEGINNING = "Not started: "
CLAIM = "About to start"


def is_refusal(status: Status) -> bool:
    """Whether this status of ours says that a queue was not started: there is no run to look for."""
    return status.state == ERROR and status.description.startswith(_BEGINNING)


def is_claim(status: Status) -> bool:
    """Whether it says that somebody is about to start a queue: once who said so is over, anybody may."""
    return status.description.startswith(CLAIM)


def put_off(forge: Stage, target: Target, queue_id: str, why: str) -> None:
    """Say that a queue cannot be started now: as nobody's claim, so a pass does it. Raises ForgeError."""
    words = clean.line(f"{CLAIM}, once it can be: {why}", _DESCRIPTION)
    for commit in target.commits:
        made = Status(context=context_of(queue_id), state=PENDING, description=words)
        forge.set_status(commit, made)


def refuse(
    forge: Stage,
    target: Target,
    queue_id: str,
    sentence: str,
    lines: Sequence[str] = (),
    *,
    command: str = "",
) -> bool:
    """Status `runner/QUEUE` (error) on commit and head, and a comment that a later run's live one replaces.

    Nothing is done, and False given back, where a run of this queue is shown in the pull request already.
    Safe to repeat. Raises ForgeError, but not for a conversation that takes no comment.
    """
    comments = _ours(forge, target)
    choice = markers.choose(
        [Posted(comment_id=c.id, author=c.author, body=c.body, minimized=c.minimized) for c in comments],
        "live",
        forge.login(),
        queue_id,
    )
    if choice.newest is not None and choice.newest.generation > 0:
        return False
    for commit in target.commits:
        _mark(forge, commit, context_of(queue_id), sentence, target.links.report)
    if target.pull:
        body = refused_comment(queue_id, sentence, lines, command)
        kept = choice.keep.comment_id if choice.keep is not None else 0
        _say(forge, target.pull, body, next((c for c in comments if c.id == kept), None))
    return True


def _ours(forge: Stage, target: Target) -> Sequence[Comment]:
    return forge.comments(target.pull) if target.pull else ()


def _mark(forge: Stage, commit: str, context: str, sentence: str, target: str) -> None:
    words = _BEGINNING + clean.line(sentence)
    words = words if len(words) <= _DESCRIPTION else words[: _DESCRIPTION - 1] + "…"
    there = next((s for s in forge.statuses(commit) if s.context == context), None)
    if there is None or (there.state, there.description) != (ERROR, words):
        forge.set_status(commit, Status(context=context, state=ERROR, description=words, target=target))


def _say(forge: Stage, pull: int, body: str, there: Comment | None) -> None:
    try:
        if there is None:
            forge.add_comment(pull, body)
        elif there.body.strip() != body.strip():
            forge.edit_comment(there, body)
    except ForgeRefusedError:
        return  # locked or archived: the statuses say it
