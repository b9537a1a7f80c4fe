"""Commands about what runs in the cloud: handed to the one workflow that reaches into it."""

from __future__ import annotations

from runner.errors import ForgeNotFoundError, RefusedError
from runner.gitops.artifacts import kept
from runner.gitops.artifacts.kept import Shown
from runner.gitops.commands.parse import Command
from runner.gitops.context import Context
from runner.gitops.workflow_files import CLOUD, file_of, kind_of
from runner.ports import CodeHost, PullRequest
from runner.publish.refusal import is_refusal

_OF_A_RUN = frozenset({"cancel", "logs", "retry", "resume"})


def is_in_cloud(command: Command, pull: PullRequest, forge: CodeHost, context: Context) -> bool:
    """Whether it is about something that the workflow for the cloud has shown here. Raises ForgeError."""
    if command.verb not in _OF_A_RUN and command.verb != "run":
        return False
    shown = kept.shown_on(forge, context, (pull.merge_commit, pull.head_commit))
    if command.verb == "run":
        meant = [one for one in shown if is_refusal(one.status)]
    else:
        meant = kept.candidates(shown, command.run_id)[:1]
    return any(_is_of_the_cloud(one, forge) for one in meant)


def _is_of_the_cloud(shown: Shown, forge: CodeHost) -> bool:
    if not shown.workflow_run:
        return False
    try:
        return kind_of(forge.workflow_run(shown.workflow_run).workflow) == CLOUD
    except ForgeNotFoundError:
        return False


def hand_over(comment: int, forge: CodeHost, context: Context) -> None:
    """There it is asked again whether its author may; and answered once, however often it is handed over.

    Raises RefusedError where there is no such workflow, ForgeError.
    """
    name = file_of(CLOUD, context.checkout)
    if not name:
        raise RefusedError(
            "no workflow of this repository reaches into the cloud", hint="`runner init` writes it"
        )
    forge.dispatch(name, forge.repository().default_branch, {"comment": str(comment)})
