"""The double's memory as the JSON that GitHub sends; what the description wants beside is filled in."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from tests.github_double.description import filled
from tests.github_double.world import Account, Artifact, Comment, Pull, Status, Token, WorkflowRun, World

Json = dict[str, Any]
PAGE = "https://github.example"


def time(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user(account: Account) -> Json:
    return {"login": account.login, "id": account.id, "type": "Bot" if account.is_bot else "User"}


def status(found: Status, kind: str = "status") -> Json:
    known: Json = {
        "id": found.id,
        "context": found.context,
        "state": found.state,
        "description": found.description,
        "target_url": found.target,
        "created_at": time(found.at),
        "updated_at": time(found.at),
    }
    if kind == "status":
        known["creator"] = user(found.creator)
    return filled(kind, known)


def comment(found: Comment, world: World, api: str) -> Json:
    return filled(
        "issue-comment",
        {
            "id": found.id,
            "node_id": node(found),
            "url": f"{api}/repos/{world.full_name}/issues/comments/{found.id}",
            "html_url": f"{PAGE}/{world.full_name}/pull/{found.pull}#issuecomment-{found.id}",
            "issue_url": f"{api}/repos/{world.full_name}/issues/{found.pull}",
            "body": found.body,
            "user": user(found.author),
            "created_at": time(found.at),
            "updated_at": time(found.edited_at),
            "author_association": "CONTRIBUTOR",
            "minimized": {"reason": found.minimized.lower()} if found.minimized else None,
        },
    )


def node(found: Comment) -> str:
    return f"IC_kwDO{found.id}"


def reaction(found: tuple[int, str, str], world: World) -> Json:
    known = {"id": found[0], "user": user(world.account(found[1])), "content": found[2]}
    return filled("reaction", known)


def repository(world: World, kind: str = "full-repository") -> Json:
    known = {
        "id": world.repository_id,
        "name": world.name,
        "full_name": world.full_name,
        "owner": user(world.account(world.owner)),
        "private": world.private,
    }
    if kind != "minimal-repository":
        known |= {"default_branch": world.default_branch, "archived": world.archived}
    return filled(kind, known)


def pull(found: Pull, world: World, kind: str = "pull-request") -> Json:
    known: Json = {
        "number": found.number,
        "title": found.title,
        "body": found.body,
        "state": found.state,
        "user": user(found.author),
        "html_url": f"{PAGE}/{world.full_name}/pull/{found.number}",
        "head": _end(found.head_commit, found.head_branch, found.head_owner, found.head_repository, world),
        "base": _end(found.base_commit, found.base_branch, world.owner, world.repository_id, world),
        "merge_commit_sha": found.merge_commit,
        "merged_at": time(found.merged_at),
        "closed_at": time(found.merged_at),
        "locked": found.locked,
        "draft": found.draft,
    }
    if kind == "pull-request":
        known |= {"merged": found.merged_at is not None, "mergeable": True, "mergeable_state": "clean"}
    return filled(kind, known)


def _end(commit: str, branch: str, owner: str, repository_id: int | None, world: World) -> Json:
    where = None
    if repository_id is not None:
        owner_of_it = user(world.account(owner))
        where = filled(
            "repository",
            {
                "id": repository_id,
                "name": world.name,
                "full_name": f"{owner}/{world.name}",
                "owner": owner_of_it,
                "fork": repository_id != world.repository_id,
            },
        )
    return {
        "sha": commit,
        "ref": branch,
        "label": f"{owner}:{branch}",
        "user": user(world.account(owner)),
        "repo": where,
    }


def workflow_run(found: WorkflowRun, world: World) -> Json:
    here = repository(world, "minimal-repository")
    head = here | {"id": found.head_repository or world.repository_id}
    return filled(
        "workflow-run",
        {
            "id": found.id,
            "name": found.path.rpartition("/")[2],
            "path": found.path,
            "event": found.event,
            "status": "completed" if found.conclusion else "in_progress",
            "conclusion": found.conclusion,
            "head_branch": found.branch,
            "head_sha": found.commit,
            "run_attempt": found.attempt,
            "html_url": f"{PAGE}/{world.full_name}/actions/runs/{found.id}",
            "repository": here,
            "head_repository": head,
        },
    )


def artifact(found: Artifact, world: World) -> Json:
    run = world.runs[found.run]
    return filled(
        "artifact",
        {
            "id": found.id,
            "name": found.name,
            "size_in_bytes": len(found.content),
            "expired": found.expired,
            "created_at": time(found.at),
            "workflow_run": {
                "id": run.id,
                "repository_id": world.repository_id,
                "head_repository_id": run.head_repository or world.repository_id,
                "head_branch": run.branch,
                "head_sha": run.commit,
            },
        },
    )


def content(path: str, raw: bytes) -> Json:
    known = {
        "type": "file",
        "encoding": "base64",
        "size": len(raw),
        "name": path.rpartition("/")[2],
        "path": path,
        "content": base64.b64encode(raw).decode(),
    }
    return filled("content-file", known)


def permission(account: Account) -> Json:
    coarse = {"maintain": "write", "triage": "read"}.get(account.role, account.role) or "none"
    known = {"permission": coarse, "role_name": account.role or "none", "user": user(account)}
    return filled("repository-collaborator-permission", known)


def viewer(token: Token) -> Json:
    return filled("public-user", user(token.account))
