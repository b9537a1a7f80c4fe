"""What GitHub sends with its events: of each payload what matters to a workflow, in GitHub's shape."""

from __future__ import annotations

from typing import Any

from tests.github_double import World
from tests.github_double.world import Account, Comment, Pull, WorkflowRun

HOST = "https://github.com"
Payload = dict[str, Any]
NO_COMMIT = "0" * 40


def repository(world: World) -> Payload:
    return {
        "id": world.repository_id,
        "name": world.name,
        "full_name": world.full_name,
        "private": world.private,
        "owner": {"login": world.owner, "type": "Organization"},
        "html_url": f"{HOST}/{world.full_name}",
        "default_branch": world.default_branch,
    }


def user(account: Account) -> Payload:
    return {"login": account.login, "id": account.id, "type": "Bot" if account.is_bot else "User"}


def pull_request(world: World, pull: Pull, action: str) -> Payload:
    here = repository(world)
    fork = {"id": pull.head_repository, "full_name": f"{pull.head_owner}/{world.name}", "fork": True}
    head_repository = here if pull.head_repository == world.repository_id else fork
    return {
        "action": action,
        "number": pull.number,
        "pull_request": {
            "number": pull.number,
            "state": pull.state,
            "title": pull.title,
            "user": user(pull.author),
            "merged": pull.merged_at is not None,
            "merge_commit_sha": pull.merge_commit,
            "head": {
                "label": f"{pull.head_owner}:{pull.head_branch}",
                "ref": pull.head_branch,
                "sha": pull.head_commit,
                "user": {"login": pull.head_owner},
                "repo": head_repository if pull.head_repository else None,
            },
            "base": {"ref": pull.base_branch, "sha": pull.base_commit, "repo": here},
        },
        "repository": here,
        "sender": user(pull.author),
    }


def merge_group(world: World, base: str, head: str) -> Payload:
    branch = f"refs/heads/{world.default_branch}"
    return {
        "action": "checks_requested",
        "merge_group": {
            "head_sha": head,
            "head_ref": f"refs/heads/gh-readonly-queue/{world.default_branch}/pr-7-{base}",
            "base_sha": base,
            "base_ref": branch,
        },
        "repository": repository(world),
        "sender": user(world.account("ann")),
    }


def workflow_run(world: World, run: WorkflowRun, pull: Pull) -> Payload:
    """GitHub names no pull request for a head in a fork."""
    here = repository(world)
    forked = pull.head_repository != world.repository_id
    fork = {"id": pull.head_repository, "full_name": f"{pull.head_owner}/{world.name}", "fork": True}
    owner = {"owner": {"login": pull.head_owner if forked else world.owner}}
    return {
        "action": "completed",
        "workflow_run": {
            "id": run.id,
            "name": "runner plan",
            "path": run.path,
            "event": run.event,
            "status": "completed",
            "conclusion": run.conclusion,
            "head_branch": run.branch,
            "head_sha": run.commit,
            "run_attempt": 1,
            "html_url": f"{HOST}/{world.full_name}/actions/runs/{run.id}",
            "pull_requests": [] if forked else [{"number": pull.number}],
            "repository": here,
            "head_repository": {**(fork if forked else here), **owner},
        },
        "repository": here,
        "sender": user(pull.author),
    }


def push(world: World, before: str, after: str) -> Payload:
    return {
        "ref": f"refs/heads/{world.default_branch}",
        "before": before,
        "after": after,
        "created": before == NO_COMMIT,
        "deleted": False,
        "forced": False,
        "repository": repository(world),
        "sender": user(world.account("ann")),
    }


def issue_comment(world: World, comment: Comment) -> Payload:
    pull = world.pulls[comment.pull]
    return {
        "action": "created",
        "issue": {
            "number": pull.number,
            "state": pull.state,
            "title": pull.title,
            "user": user(pull.author),
            "pull_request": {"html_url": f"{HOST}/{world.full_name}/pull/{pull.number}"},
        },
        "comment": {"id": comment.id, "body": comment.body, "user": user(comment.author)},
        "repository": repository(world),
        "sender": user(comment.author),
    }


def dispatch(world: World, workflow: str, inputs: dict[str, str] | None = None) -> Payload:
    return {
        "ref": f"refs/heads/{world.default_branch}",
        "inputs": inputs,
        "workflow": f".github/workflows/{workflow}",
        "repository": repository(world),
        "sender": user(world.account("ann")),
    }


def schedule(world: World) -> Payload:
    return {"schedule": "23 * * * *", "repository": repository(world)}
