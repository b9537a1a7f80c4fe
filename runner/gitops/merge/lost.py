"""Says of a run that its machine ended and kept nothing: nobody will ever know how it went."""

from __future__ import annotations

from collections.abc import Sequence

from runner.errors import ForgeRefusedError
from runner.gitops.run.performing import Stage
from runner.ports import Comment, PullRequest, Status, WorkflowRun
from runner.report import markers
from runner.report.escaping import code
from runner.report.links import link
from runner.report.markers import Marker, Posted
from runner.report.statuses import ERROR, PENDING, queue_of

_FOR_PULLS = frozenset({"push", "issue_comment"})
WORDS = "Lost: the machine that ran it ended and kept nothing"


def is_lost(status: Status) -> bool:
    return status.state == ERROR and status.description == WORDS


def say_lost(context: str, commit: str, run: WorkflowRun, pull: PullRequest | None, stage: Stage) -> None:
    """Statuses of the queue and its jobs that were still pending, on the commit and the head; a comment.

    The pull request is told if this run was shown there or would have been, as one by hand or by the clock
    would not. The commit comes last: it is what a pass finds again. Safe to repeat. Raises ForgeError.
    """
    url = next((s.target for s in _pending(context, commit, stage)), "")
    if pull is not None and (run.event in _FOR_PULLS or _is_shown_in(pull, context, url, stage)):
        _comment(context, commit, run, pull.number, stage)
        _mark(context, pull.head_commit, url, stage)
    _mark(context, commit, url, stage)


def _pending(context: str, commit: str, stage: Stage) -> list[Status]:
    mine = stage.forge.login().casefold()
    return [
        status
        for status in stage.forge.statuses(commit)
        if status.author.casefold() == mine
        and status.state == PENDING
        and (status.context == context or status.context.startswith(f"{context}/"))
    ]


def _is_shown_in(pull: PullRequest, context: str, url: str, stage: Stage) -> bool:
    mine = stage.forge.login().casefold()
    return any(
        status.context == context and status.author.casefold() == mine and status.target == url
        and (status.state == PENDING or is_lost(status))
        for status in stage.forge.statuses(pull.head_commit)
    )  # fmt: skip


def _mark(context: str, commit: str, url: str, stage: Stage) -> None:
    """Jobs first: while the queue is pending, this is not done."""
    found = [status for status in _pending(context, commit, stage) if status.target == url]
    for status in sorted(found, key=lambda status: status.context == context):
        made = Status(context=status.context, state=ERROR, description=WORDS, target=status.target)
        stage.forge.set_status(commit, made)


def _comment(context: str, commit: str, run: WorkflowRun, pull: int, stage: Stage) -> None:
    """A new one, since only that notifies. The live one, which would say for ever that it runs, is folded."""
    queue_id = queue_of(context)
    subject = f"{queue_id[:100]}-lost-{commit[:12]}"
    comments = stage.forge.comments(pull)
    login = stage.forge.login()
    try:
        if not _ours(comments, "final", login, subject):
            stage.forge.add_comment(pull, _body(subject, queue_id, run))
        for comment in _ours(comments, "live", login, queue_id):
            if not comment.minimized:
                stage.forge.minimize_comment(comment)
    except ForgeRefusedError as error:
        stage.notice(error.message)  # locked or archived: the statuses say it


def _ours(comments: Sequence[Comment], kind: str, login: str, subject: str) -> list[Comment]:
    posted = {c.id: c for c in comments}
    choice = markers.choose(
        [Posted(comment_id=c.id, author=c.author, body=c.body, minimized=c.minimized) for c in comments],
        kind,
        login,
        subject,
    )
    return [posted[choice.keep.comment_id]] if choice.keep is not None else []


def _body(subject: str, queue_id: str, run: WorkflowRun) -> str:
    marker = markers.line(Marker(kind="final", subject=subject, generation=1))
    return (
        f"{marker}\n## ❔ {code(queue_id)} is lost\n\n"
        "**The machine that ran it ended and kept nothing: no log, no results, no outcome.**\n\n"
        f"- What its machine said last is in {link('its workflow run', run.url)}.\n"
        "- It does not start again by itself: some of its jobs may have run.\n"
    )
