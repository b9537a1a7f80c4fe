"""How the repository is set up: workflows and their states, permissions, runners, what a branch requires."""

from __future__ import annotations

from typing import Any

from tests.github_double.asking import Asked, Operation
from tests.github_double.description import filled
from tests.github_double.replies import Items, Reply, missing


def list_workflows(asked: Asked) -> Items:
    states = asked.world.workflow_states
    return Items(
        [
            filled(
                "workflow",
                {"name": name, "path": f".github/workflows/{name}", "state": states.get(name, "active")},
            )
            for name in sorted(asked.world.workflows)
        ],
        key="workflows",
    )


def actions(asked: Asked) -> Reply:
    known: dict[str, Any] = {"enabled": asked.world.actions_enabled}
    if asked.world.actions_enabled:
        known["allowed_actions"] = "all"
    return Reply(200, filled("actions-repository-permissions", known))


def default_permissions(asked: Asked) -> Reply:
    known = {
        "default_workflow_permissions": asked.world.default_permissions,
        "can_approve_pull_request_reviews": False,
    }
    return Reply(200, filled("actions-get-default-workflow-permissions", known))


def fork_approval(asked: Asked) -> Reply:
    if asked.world.private:
        raise missing()
    known = {"approval_policy": asked.world.fork_approval}
    return Reply(200, filled("actions-fork-pr-contributor-approval", known))


def token_subject(asked: Asked) -> Reply:
    known: dict[str, Any] = {"use_default": not asked.world.subject_keys}
    if asked.world.subject_keys:
        known["include_claim_keys"] = asked.world.subject_keys
    if asked.world.subject_prefix:
        known |= {
            "sub_claim_prefix": asked.world.subject_prefix,
            "use_immutable_subject": "@" in asked.world.subject_prefix,
        }
    return Reply(200, filled("oidc-custom-sub-repo", known))


def list_runners(asked: Asked) -> Items:
    made = [
        filled("runner", {"id": number, "name": name, "os": "linux", "status": "online"})
        for number, name in enumerate(asked.world.self_hosted_runners, 1)
    ]
    return Items(made, key="runners")


def branch_rules(asked: Asked) -> Items:
    contexts = asked.world.required_by_rules.get(asked.path["branch"])
    if contexts is None:
        return Items([])
    parameters = {
        "required_status_checks": [{"context": name} for name in contexts],
        "strict_required_status_checks_policy": False,
    }
    return Items(
        [
            {"type": "deletion", "ruleset_id": 1},
            {"type": "required_status_checks", "parameters": parameters, "ruleset_id": 1},
        ]
    )


def get_branch(asked: Asked) -> Reply:
    name = asked.path["branch"]
    commit = asked.world.branches.get(name)
    if commit is None:
        raise missing()
    contexts = asked.world.required_by_protection.get(name)
    required = {"enforcement_level": "everyone", "contexts": contexts, "checks": []}
    known = {
        "name": name,
        "commit": {"sha": commit},
        "protected": contexts is not None,
        "protection": {"enabled": contexts is not None}
        | ({} if contexts is None else {"required_status_checks": required}),
    }
    return Reply(200, filled("branch-with-protection", known))


OPERATIONS = {
    "actions/list-repo-workflows": Operation(list_workflows, "actions=read"),
    "actions/get-github-actions-permissions-repository": Operation(actions, "administration=read"),
    "actions/get-github-actions-default-workflow-permissions-repository": Operation(
        default_permissions, "administration=read"
    ),
    "actions/get-fork-pr-contributor-approval-permissions-repository": Operation(
        fork_approval, "administration=read"
    ),
    "actions/get-custom-oidc-sub-claim-for-repo": Operation(token_subject, "actions=read"),
    "actions/list-self-hosted-runners-for-repo": Operation(list_runners, "administration=read"),
    "repos/get-branch-rules": Operation(branch_rules, "metadata=read"),
    "repos/get-branch": Operation(get_branch, "contents=read"),
}
