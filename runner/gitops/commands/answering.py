"""A comment → eyes, one reply, and what it asks for, once: also where a process dies and another begins."""

from __future__ import annotations

from runner.errors import (
    FAILED,
    NOT_FOUND,
    SUCCEEDED,
    ForgeError,
    ForgeNotFoundError,
    ForgeRefusedError,
    RunnerError,
)
from runner.gitops.commands import verbs
from runner.gitops.commands.asked import Answer, Asked
from runner.gitops.commands.elsewhere import hand_over, is_in_cloud
from runner.gitops.commands.permit import Permit, allowance, needs, permitted
from runner.gitops.commands.port import Performing
from runner.gitops.commands.replies import Replies
from runner.gitops.context import Context
from runner.gitops.payload import CommentEvent
from runner.ports import CodeHost, Comment
from runner.report import reply
from runner.report.escaping import code
from runner.report.reply import Reply

SEEN, DONE, REFUSED = "eyes", "rocket", "confused"
_THEIRS = frozenset({FAILED, NOT_FOUND})
"""Exit codes of what the one who asked got wrong: the reply says it, and the workflow did its work."""


def check(context: Context, event: CommentEvent, forge: CodeHost) -> int:
    """Outputs for the next jobs: `allowed`, `needs` (light, run, rerun, cloud), `answer` (there is one).

    What somebody wrote who may give commands is `allowed` with its mistakes: the answer says them. Asks with
    the right to read alone, and writes nothing.
    """
    permit = permitted(event, forge, allowance(context))
    context.give(
        allowed=_flag(permit.allowed or permit.trusted),
        needs=_needs(permit, forge, context),
        answer=_flag(not permit.silent),
    )
    if permit.silent:
        context.summarize(f"Nothing to do: {permit.reason}.")
    return SUCCEEDED


def _needs(permit: Permit, forge: CodeHost, context: Context) -> str:
    if not permit.allowed or permit.command is None or permit.pull is None:
        return needs(None)
    in_cloud = is_in_cloud(permit.command, permit.pull, forge, context)
    return "cloud" if in_cloud else needs(permit.command)


def _flag(value: bool) -> str:
    return "true" if value else "false"


def command(context: Context, event: CommentEvent, forge: CodeHost, *, perform: Performing) -> int:
    """Exit code 0 once the reply says what came of it. Raises ForgeError where that could not be said."""
    permit = permitted(event, forge, allowance(context))
    if permit.silent or permit.comment is None:
        context.summarize(f"Nothing to do: {permit.reason}.")
        return SUCCEEDED
    try:
        return _Answering(context, forge, permit.comment).answer(permit, perform)
    except ForgeNotFoundError:
        if _is_gone(forge, permit.comment):
            context.summarize("Nothing to do: the comment was deleted.")
            return SUCCEEDED
        raise


def _exit_code(error: RunnerError) -> int:
    return SUCCEEDED if error.exit_code in _THEIRS else error.exit_code


def _is_gone(forge: CodeHost, comment: Comment) -> bool:
    try:
        forge.comment(comment.id)
    except ForgeNotFoundError:
        return True
    return False


class _Answering:
    """One comment, from this process."""

    def __init__(self, context: Context, forge: CodeHost, comment: Comment) -> None:
        self._context = context
        self._forge = forge
        self._comment = comment
        self._replies = Replies(forge, context, comment)

    def answer(self, permit: Permit, perform: Performing) -> int:
        self._react(SEEN)
        before = self._replies.before()
        if before is not None:
            if not before.is_done and self._replies.settle(before):
                self._react(REFUSED)
            return SUCCEEDED
        if not permit.allowed:
            return self._refuse(reply.refusal(permit.reason, permit.hint))
        asked = self._asked(permit)
        try:
            if not perform.reaches_cloud and is_in_cloud(
                asked.command, asked.pull, self._forge, self._context
            ):
                hand_over(self._comment.id, self._forge, self._context)
                self._context.summarize("Handed over to the workflow for the cloud, which answers.")
                return SUCCEEDED
            answer = verbs.answer(asked, perform)
        except RunnerError as error:
            self._refuse(reply.refusal(error.message, error.hint))
            return _exit_code(error)
        return self._say(answer) if answer.act is None else self._act(answer)

    def _asked(self, permit: Permit) -> Asked:
        assert permit.command is not None  # noqa: S101  it is allowed
        assert permit.pull is not None  # noqa: S101
        return Asked(
            command=permit.command,
            context=self._context,
            forge=self._forge,
            pull=permit.pull,
            login=self._forge.login(),
            comment=self._comment.id,
            by=self._comment.author,
        )

    def _say(self, answer: Answer) -> int:
        """All that is to be done is to say it."""
        try:
            mine = self._replies.finish(answer.said, answer.request)
        except ForgeRefusedError as error:
            return self._unsaid(answer.said, error)
        if mine:
            self._react(DONE)
        self._context.summarize(reply.summary(answer.said))
        return SUCCEEDED

    def _act(self, answer: Answer) -> int:
        """What cannot be said beforehand is not done: without our reply another process would do it again."""
        assert answer.act is not None  # noqa: S101  for the type checker
        try:
            if not self._replies.claim(answer.said, answer.request):
                return SUCCEEDED
        except ForgeRefusedError as error:
            return self._unsaid(answer.said, error)
        self._react(DONE)
        exit_code = SUCCEEDED
        try:
            if answer.request is not None:
                self._replies.alone(answer.request)
            said = answer.act()
        except RunnerError as error:
            said = reply.failure(answer.said, error.message, error.hint)
            exit_code = _exit_code(error)
        self._replies.finish(said)
        if not said.ok:
            self._react(REFUSED)
        self._context.summarize(reply.summary(said))
        return exit_code

    def _refuse(self, said: Reply) -> int:
        try:
            self._replies.finish(said)
        except ForgeRefusedError as error:
            return self._unsaid(said, error)
        self._react(REFUSED)
        self._context.summarize(reply.summary(said))
        return SUCCEEDED

    def _unsaid(self, said: Reply, error: ForgeError) -> int:
        """A locked conversation, an archived repository: the summary is all there is."""
        self._context.summarize(reply.summary(reply.unsaid(said, error.message)))
        return SUCCEEDED

    def _react(self, reaction: str) -> None:
        """A courtesy: where it is refused (a locked conversation) the rest still counts."""
        try:
            self._forge.react(self._comment, reaction)
        except ForgeRefusedError as error:
            self._context.summarize(f"No reaction was given: {code(error.message)}")
