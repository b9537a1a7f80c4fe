"""`plan`: the plan's workflow runs once more, with its own few rights; nothing is planned here."""

from __future__ import annotations

import re

from runner.errors import ForgeNotFoundError, ForgeUnsureError, NotFoundError, RefusedError
from runner.gitops.commands.asked import Answer, Asked
from runner.ports import WorkflowRun
from runner.report.links import link
from runner.report.reply import Reply

_NAMES = ("runner-plan.yaml", "plan.yaml", "runner-plan.yml", "plan.yml")
_WORKFLOW = re.compile(r"[^@]*/\.github/workflows/([A-Za-z0-9._-]+)@.*", re.ASCII)
_EVENTS = frozenset({"pull_request"})


def plan(asked: Asked) -> Answer:
    """The newest run of the plan's workflow at the pull request's head, again."""
    found = _newest(asked)
    if found is None:
        raise NotFoundError(
            "no plan was made for the head of this pull request",
            hint="push a commit, or close and open the pull request: each starts the plan's workflow",
        )
    page = link("workflow run", asked.context.page(found.id))
    if not found.conclusion:
        raise RefusedError(
            f"the plan is being made already: {asked.context.page(found.id)}", hint="wait for its comment"
        )
    done = Reply(
        headline="🚀 Plans again", facts=(f"The {page} starts once more; the plan's comment follows.",)
    )

    def act() -> Reply:
        try:
            asked.forge.rerun(found.id)
        except ForgeUnsureError:
            now = asked.forge.workflow_run(found.id)
            if now.attempt == found.attempt and now.conclusion:
                raise
        return done

    return Answer(said=done, act=act)


def _newest(asked: Asked) -> WorkflowRun | None:
    for name in _names(asked):
        try:
            runs = asked.forge.runs_of(name, asked.pull.head_commit)
        except ForgeNotFoundError:
            continue
        here = asked.forge.repository().id
        found = next((run for run in runs if run.event in _EVENTS and run.repository == here), None)
        if found is not None:
            return found
    return None


def _names(asked: Asked) -> list[str]:
    """The plan's workflow is called as the one that runs now, with `plan` for `command`."""
    match = _WORKFLOW.fullmatch(asked.context.environ.get("GITHUB_WORKFLOW_REF", ""))
    mine = [match[1].replace("command", "plan")] if match and "command" in match[1] else []
    return list(dict.fromkeys([*mine, *_NAMES]))
