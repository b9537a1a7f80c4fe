"""Statuses, comments and reactions: what makes content, with the limits that the description leaves out."""

from __future__ import annotations

from datetime import datetime

from tests.github_double import shapes
from tests.github_double.asking import Asked, Operation
from tests.github_double.replies import Invalid, Items, Refusal, Reply, missing
from tests.github_double.world import Comment, Status

TALK = "issues=write; pull_requests=write"
MOST_STATUSES = 1000


def create_status(asked: Asked) -> Reply:
    world, body, sha = asked.world, asked.body, asked.path["sha"]
    if sha not in world.commits:
        raise Refusal(422, f"No commit found for SHA: {sha}")
    context = body.get("context", "default")
    description, target = body.get("description"), body.get("target_url")
    if len(description or "") > 140:
        raise Invalid("Status", "description", "description is too long (maximum is 140 characters)")
    if len(context) > 255:
        raise Invalid("Status", "context", "context is too long (maximum is 255 characters)")
    if target and not target.startswith(("http://", "https://")):
        raise Invalid("Status", "target_url", "target_url must use http(s) scheme")
    known = world.statuses.setdefault(sha, [])
    if sum(s.context == context for s in known) >= MOST_STATUSES:
        raise Invalid("Status", "base", "This SHA and context has reached the maximum number of statuses.")
    made = Status(world.new_id(), context, body["state"], description, target, asked.token.account, asked.now)
    known.append(made)
    return Reply(201, shapes.status(made))


def list_statuses(asked: Asked) -> Items:
    found = _statuses(asked)
    return Items([shapes.status(s) for s in reversed(found)])


def combined_status(asked: Asked) -> Reply:
    newest = {s.context: s for s in _statuses(asked)}
    states = {s.state for s in newest.values()}
    worst = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    known = {
        "state": worst,
        "sha": asked.world.commit_of(asked.path["ref"]),
        "total_count": len(newest),
        "statuses": [shapes.status(s, "simple-commit-status") for s in newest.values()],
        "repository": shapes.repository(asked.world, "minimal-repository"),
    }
    return Reply(200, shapes.filled("combined-commit-status", known))


def _statuses(asked: Asked) -> list[Status]:
    commit = asked.world.commit_of(asked.path["ref"])
    if commit is None:
        raise Refusal(422, f"No commit found for SHA: {asked.path['ref']}")
    return asked.world.statuses.get(commit, [])


def list_comments(asked: Asked) -> Items:
    number = _pull(asked)
    since = asked.query.get("since")
    after = datetime.fromisoformat(since).timestamp() if since else 0.0
    return Items(
        [
            shapes.comment(c, asked.world, asked.api)
            for c in asked.world.comments.values()
            if c.pull == number and c.edited_at >= after
        ]
    )


def create_comment(asked: Asked) -> Reply:
    number = _pull(asked)
    pull = asked.world.pulls[number]
    if asked.world.archived:
        raise Refusal(403, "Repository was archived so is read-only.")
    if pull.locked:
        raise Refusal(403, "Unable to create comment because issue is locked.")
    _check_body(asked.body["body"])
    made = Comment(
        asked.world.new_id(), number, asked.token.account, asked.body["body"], asked.now, asked.now
    )
    asked.world.comments[made.id] = made
    return Reply(201, shapes.comment(made, asked.world, asked.api))


def get_comment(asked: Asked) -> Reply:
    return Reply(200, shapes.comment(_comment(asked), asked.world, asked.api))


def update_comment(asked: Asked) -> Reply:
    found = _comment(asked)
    _check_body(asked.body["body"])
    found.body, found.edited_at = asked.body["body"], asked.now
    return get_comment(asked)


def delete_comment(asked: Asked) -> Reply:
    del asked.world.comments[_comment(asked).id]
    return Reply(204)


def react(asked: Asked) -> Reply:
    found, who, content = _comment(asked), asked.token.account.login, asked.body["content"]
    for reaction in found.reactions:
        if reaction[1:] == (who, content):
            return Reply(200, shapes.reaction(reaction, asked.world))
    found.reactions.append((asked.world.new_id(), who, content))
    return Reply(201, shapes.reaction(found.reactions[-1], asked.world))


def list_reactions(asked: Asked) -> Items:
    return Items([shapes.reaction(r, asked.world) for r in _comment(asked).reactions])


def _check_body(body: str) -> None:
    if not body.strip():
        raise Invalid("IssueComment", "body", "Body can't be blank", code="missing_field")
    if len(body) > 65_536:
        raise Invalid(
            "IssueComment", "data", "Body is too long (maximum is 65536 characters)", "unprocessable"
        )


def _pull(asked: Asked) -> int:
    number = int(asked.path["issue_number"])
    if number not in asked.world.pulls:
        raise missing()
    return number


def _comment(asked: Asked) -> Comment:
    found = asked.world.comments.get(int(asked.path["comment_id"]))
    if found is None:
        raise missing()
    return found


OPERATIONS = {
    "repos/create-commit-status": Operation(create_status, "statuses=write"),
    "repos/list-commit-statuses-for-ref": Operation(list_statuses, "statuses=read"),
    "repos/get-combined-status-for-ref": Operation(combined_status, "statuses=read"),
    "issues/list-comments": Operation(list_comments, "issues=read; pull_requests=read"),
    "issues/create-comment": Operation(create_comment, TALK),
    "issues/get-comment": Operation(get_comment, "issues=read; pull_requests=read"),
    "issues/update-comment": Operation(update_comment, TALK),
    "issues/delete-comment": Operation(delete_comment, TALK),
    "reactions/create-for-issue-comment": Operation(react, TALK),
    "reactions/list-for-issue-comment": Operation(list_reactions, "issues=read; pull_requests=read"),
}
