"""What GitHub sends, as the types of the ports. A reply that lacks what is needed is an error in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from runner.errors import ForgeError
from runner.ports import Artifact, Comment, PullRequest, RepositoryFacts, Status, WorkflowRun

Json = Mapping[str, Any]
Made = TypeVar("Made")

GHOST = "ghost"
"""The login that GitHub shows for an account that was deleted."""


def read(make: Callable[[Json], Made], found: Json) -> Made:
    """`make(found)`; raises ForgeError where the reply is not what it should be."""
    try:
        return make(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ForgeError(
            f"GitHub's reply cannot be read: {type(error).__name__} ({error})",
            hint="this GitHub may be older or newer than this program knows",
        ) from error


def status(found: Json) -> Status:
    return Status(
        context=found["context"],
        state=found["state"],
        description=found["description"] or "",
        target=found["target_url"] or "",
        author=_login(found["creator"]),
        at=_time(found["created_at"]),
    )


def comment(found: Json) -> Comment:
    user = found["user"] or {}
    return Comment(
        id=found["id"],
        pull=int(found["issue_url"].rpartition("/")[2]),
        author=_login(user),
        body=found["body"] or "",
        at=_time(found["created_at"]),
        edited_at=_time(found["updated_at"]),
        by_bot=user.get("type") == "Bot",
        minimized=bool(found.get("minimized")),
        url=found["html_url"],
        node=found["node_id"],
    )


def repository(found: Json) -> RepositoryFacts:
    return RepositoryFacts(
        id=found["id"],
        full_name=found["full_name"],
        default_branch=found["default_branch"],
        archived=found["archived"],
        private=found["private"],
    )


def pull(found: Json) -> PullRequest:
    head, base = found["head"], found["base"]
    merged_at = _time(found["merged_at"])
    return PullRequest(
        number=found["number"],
        title=found["title"],
        author=_login(found["user"]),
        is_open=found["state"] == "open",
        head_commit=head["sha"],
        head_branch=head["ref"],
        head_repository=_id(head["repo"]),
        base_branch=base["ref"],
        base_commit=base["sha"],
        base_repository=_id(base["repo"]),
        # While it is open this is GitHub's trial merge, which no branch has.
        merge_commit=(found["merge_commit_sha"] or "") if merged_at else "",
        merged_at=merged_at,
        draft=bool(found.get("draft")),
        locked=bool(found.get("locked")),
        url=found["html_url"],
    )


def workflow_run(found: Json) -> WorkflowRun:
    return WorkflowRun(
        id=found["id"],
        # `.github/workflows/plan.yaml@main` where the workflow is called from another repository
        workflow=found["path"].partition("@")[0],
        event=found["event"],
        branch=found["head_branch"] or "",
        commit=found["head_sha"],
        conclusion=found["conclusion"] or "",
        repository=_id(found["repository"]),
        head_repository=_id(found["head_repository"]),
        attempt=found.get("run_attempt") or 1,
        url=found["html_url"],
    )


def artifact(found: Json) -> Artifact:
    return Artifact(
        id=found["id"],
        name=found["name"],
        size=found["size_in_bytes"],
        at=_time(found["created_at"]),
        expired=found["expired"],
        workflow_run=_id(found.get("workflow_run")),
    )


def _login(user: Json | None) -> str:
    return user["login"] if user else GHOST


def _id(found: Json | None) -> int:
    return int(found["id"]) if found else 0


def _time(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0
