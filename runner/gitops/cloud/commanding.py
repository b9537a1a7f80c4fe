"""What a command in a comment may start in the cloud, and the commands about what runs there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runner.errors import RefusedError
from runner.gitops.cloud import verbs as commands
from runner.gitops.commands.answering import command
from runner.gitops.commands.asked import Answer, Asked
from runner.gitops.commands.port import Carried
from runner.gitops.commands.starting import Again, carried
from runner.gitops.merge.on_machine import in_cloud, live_of
from runner.gitops.payload import CommentEvent
from runner.gitops.repository.configured import config_at
from runner.gitops.run.performing import Stage, perform
from runner.gitops.run.targets import target_of
from runner.machines.beginning import go_on
from runner.machines.site import Site
from runner.model import Plan

_LATEST = 24 * 3600.0
"""Seconds after which a comment is not answered any more: a dispatch is something that anybody may repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainInCloud(Again):
    """The port that commands ask, in the workflow that reaches into the cloud."""

    site: Site

    def in_cloud(self, asked: Asked) -> Answer | None:
        return commands.answer(asked, self.site, lambda run_id, plan: self._go_on(asked, run_id, plan))

    def _go_on(self, asked: Asked, run_id: str, plan: Plan) -> Carried:
        stage, kind = self.stage, asked.command.verb
        config = config_at(stage.context.checkout, stage.context.sha)
        shown = target_of(plan.git.sha, None, config, stage)
        target = replace(shown, head=asked.pull.head_commit, pull=asked.pull.number)
        live = live_of(run_id, plan.source, target)
        action = "retry" if kind == "retry" else "run"
        start = in_cloud(
            run_id,
            plan.source,
            target,
            self.site,
            lambda place: go_on(
                run_id, place, action=action, job_ids=asked.command.job_ids, by=asked.by, live=live
            ),
        )
        return carried(kind, perform([start], stage))


def answer(comment_id: str, stage: Stage, site: Site) -> int:
    """A comment that was handed over. Whoever may start a workflow names it: all of it is asked again."""
    if not (comment_id.isascii() and comment_id.isdecimal() and len(comment_id) < 19):
        raise RefusedError("this is no comment's number", hint="comments under pull requests start this")
    comment = stage.forge.comment(int(comment_id))
    if stage.clock.now() - comment.at > _LATEST:
        raise RefusedError("the comment is older than a day", hint="write it again")
    event = CommentEvent(
        action="created",
        comment=comment.id,
        author=comment.author,
        by_bot=comment.by_bot,
        body=comment.body,
        number=comment.pull,
        on_pull=True,
    )
    return command(stage.context, event, stage.forge, perform=AgainInCloud(stage=stage, site=site))
