"""Whether a comment is a command that its author may give: asked of the forge, not of the event."""

from __future__ import annotations

from dataclasses import dataclass

from runner import config
from runner.errors import ForgeNotFoundError
from runner.gitops.commands.parse import Command, Mistake, parse
from runner.gitops.context import Context
from runner.gitops.payload import CommentEvent
from runner.ports import CodeHost, Comment, PullRequest

Allow = str | tuple[str, ...]
FOR_ALL = frozenset({"help", "status"})
"""For whoever may read, and on pull requests that were closed unmerged."""
_RUNS = frozenset({"retry", "resume", "run"})
_WRITERS = ("write", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """`silent`: no answer at all. Where it is not, `comment` and `pull` are there; `reason` may quote.

    `trusted`: the author may give commands, whatever is wrong with this one.
    """

    allowed: bool
    silent: bool = False
    trusted: bool = False
    reason: str = ""
    hint: str = ""
    command: Command | None = None
    comment: Comment | None = None
    pull: PullRequest | None = None


def allowance(context: Context) -> Allow:
    """As the default branch says, which is checked out. Where that cannot be read: administrators only."""
    found, problems = config.read(context.checkout)
    return "admin" if problems else found.gitops.allow


def needs(command: Command | None) -> str:
    """`run` for what runs jobs, `rerun` for what starts a workflow, `light` for all else."""
    if command is not None and command.verb == "plan":
        return "rerun"
    return "run" if command is not None and command.verb in _RUNS else "light"


def permitted(event: CommentEvent, forge: CodeHost, allow: Allow) -> Permit:
    """Asks the forge only about what reads as a command. Raises ForgeError."""
    found = parse(event.body)
    ignored = _ignored(event)
    if ignored or found is None:
        return _silence(ignored or "the comment is no command")
    if forge.login().casefold() == event.author.casefold():
        return _silence("the comment is our own")
    try:
        comment = forge.comment(event.comment)
        pull = forge.pull(event.number)
    except ForgeNotFoundError:
        return _silence("the comment is gone")
    if not _same(event, comment):
        return _silence("the comment was changed after it was written")
    permission = forge.permission(event.author)
    if permission not in {"read", *_WRITERS}:
        return _silence("its author has no part in this repository")
    return _judged(found, comment, pull, allow, permission)


def _ignored(event: CommentEvent) -> str:
    if event.action != "created":
        return f"the comment was {event.action[:20]}, and only new ones count"
    if not event.on_pull:
        return "the comment is not on a pull request"
    return "the comment is not a person's" if event.by_bot else ""


def _same(event: CommentEvent, comment: Comment) -> bool:
    return (
        comment.body.replace("\r\n", "\n") == event.body.replace("\r\n", "\n")
        and comment.at == comment.edited_at
        and comment.pull == event.number
        and comment.author.casefold() == event.author.casefold()
        and not comment.by_bot
    )


def _judged(
    found: Command | Mistake, comment: Comment, pull: PullRequest, allow: Allow, permission: str
) -> Permit:
    if isinstance(found, Mistake):
        reason, hint = found.message, found.hint
    else:
        reason, hint = _objection(found, comment.author, pull, allow, permission)
    return Permit(
        allowed=not reason,
        trusted=_may(allow, comment.author, permission),
        reason=reason,
        hint=hint,
        command=found if isinstance(found, Command) else None,
        comment=comment,
        pull=pull,
    )


def _objection(
    command: Command, login: str, pull: PullRequest, allow: Allow, permission: str
) -> tuple[str, str]:
    """What is in the way, and what helps; "" where nothing is."""
    if command.verb in FOR_ALL:
        return "", ""
    if not _may(allow, login, permission):
        return f"you may not {command.verb} here", f"commands are for {_who(allow)}"
    if not pull.is_open and not pull.is_merged:
        return "this pull request was closed without a merge", "what was never merged never ran"
    return "", ""


def _may(allow: Allow, login: str, permission: str) -> bool:
    if isinstance(allow, str):
        return permission == "admin" or (allow == "write" and permission in _WRITERS)
    return login.casefold() in {name.casefold() for name in allow}


def _who(allow: Allow) -> str:
    if isinstance(allow, str):
        return "who may write to this repository" if allow == "write" else "administrators of this repository"
    return "those whom commands.allow in .github/runner.yaml names"


def _silence(reason: str) -> Permit:
    return Permit(allowed=False, silent=True, reason=reason)
