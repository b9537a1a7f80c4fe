"""The repository, its people, pull requests, commits and files, and what runs on Actions."""

from __future__ import annotations

from typing import Any

from tests.github_double import shapes
from tests.github_double.asking import Asked, Operation
from tests.github_double.replies import Items, Refusal, Reply, missing
from tests.github_double.world import Account, Pull


def get_repository(asked: Asked) -> Reply:
    return Reply(200, shapes.repository(asked.world))


def get_permission(asked: Asked) -> Reply:
    known: Account | None = asked.world.accounts.get(asked.path["username"])
    if known is None:
        raise Refusal(404, f"{asked.path['username']} is not a user")
    return Reply(200, shapes.permission(known))


def get_user(asked: Asked) -> Reply:
    if asked.token.is_workflow:
        raise Refusal(403, "Resource not accessible by integration")
    return Reply(200, shapes.viewer(asked.token))


def get_pull(asked: Asked) -> Reply:
    found = asked.world.pulls.get(int(asked.path["pull_number"]))
    if found is None:
        raise missing()
    return Reply(200, shapes.pull(found, asked.world))


def list_pulls(asked: Asked) -> Items:
    state, head, base = asked.query.get("state", "open"), asked.query.get("head"), asked.query.get("base")
    # A head without an owner is no filter at all, as on GitHub.
    wanted = head if head and ":" in head else None
    return _pulls(
        asked,
        [
            p
            for p in asked.world.pulls.values()
            if state in {p.state, "all"}
            and wanted in {None, f"{p.head_owner}:{p.head_branch}"}
            and base in {None, p.base_branch}
        ],
    )


def pulls_with_commit(asked: Asked) -> Items:
    sha = asked.path["commit_sha"]
    if sha not in asked.world.commits:
        raise Refusal(422, f"No commit found for SHA: {sha}")
    return _pulls(asked, [p for p in asked.world.pulls.values() if _brought(p, sha, asked)])


def _brought(pull: Pull, sha: str, asked: Asked) -> bool:
    """Of a fork's pull request only what was merged: its own commits are not this repository's."""
    if pull.merged_at is not None and sha == pull.merge_commit:
        return True
    own = pull.head_repository == asked.world.repository_id
    return (own or pull.merged_at is not None) and sha in (
        *pull.commits,
        *([pull.head_commit] if own else []),
    )


def _pulls(asked: Asked, found: list[Pull]) -> Items:
    newest = sorted(found, key=lambda p: -p.number)
    return Items([shapes.pull(p, asked.world, "pull-request-simple") for p in newest])


def compare(asked: Asked) -> Reply:
    names = asked.path["basehead"].split("...")
    base, head = (asked.world.commit_of(name) for name in names)
    if base is None or head is None:
        raise missing()
    before, after = asked.world.ancestors(base), asked.world.ancestors(head)
    ahead, behind = len(after - before), len(before - after)
    state = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}.get(
        (bool(ahead), bool(behind)), "diverged"
    )
    known: dict[str, Any] = {"status": state, "ahead_by": ahead, "behind_by": behind, "total_commits": ahead}
    known["commits"] = [shapes.filled("commit", {"sha": sha}) for sha in sorted(after - before)]
    return Reply(200, shapes.filled("commit-comparison", known))


def get_ref(asked: Asked) -> Reply:
    commit = asked.world.branches.get(asked.path["ref"].removeprefix("heads/"))
    if commit is None:
        raise missing()
    known = {"ref": f"refs/{asked.path['ref']}", "object": {"type": "commit", "sha": commit}}
    return Reply(200, shapes.filled("git-ref", known))


def get_content(asked: Asked) -> Reply:
    commit = asked.world.commit_of(asked.query.get("ref", asked.world.default_branch))
    raw = asked.world.files.get((commit or "", asked.path["path"]))
    if raw is None:
        raise missing()
    return Reply(200, shapes.content(asked.path["path"], raw))


def get_run(asked: Asked) -> Reply:
    found = asked.world.runs.get(int(asked.path["run_id"]))
    if found is None:
        raise missing()
    return Reply(200, shapes.workflow_run(found, asked.world))


def list_runs(asked: Asked) -> Items:
    name, world = asked.path["workflow_id"], asked.world
    of_it = [r for r in world.runs.values() if r.path.partition("@")[0].rpartition("/")[2] == name]
    if not of_it and name not in world.workflows:
        raise missing()
    state, commit = asked.query.get("status"), asked.query.get("head_sha")
    found = [
        r
        for r in of_it
        if commit in {None, r.commit}
        and state in {None, r.conclusion, "completed" if r.conclusion else "in_progress"}
    ]
    newest = sorted(found, key=lambda r: -r.id)
    return Items([shapes.workflow_run(r, world) for r in newest], key="workflow_runs")


def rerun(asked: Asked) -> Reply:
    found = asked.world.runs.get(int(asked.path["run_id"]))
    if found is None:
        raise missing()
    if not found.conclusion:
        raise Refusal(403, "This workflow is already running")
    found.conclusion, found.attempt = None, found.attempt + 1
    return Reply(201, {})


def list_artifacts(asked: Asked) -> Items:
    run = int(asked.path["run_id"]) if "run_id" in asked.path else None
    if run is not None and run not in asked.world.runs:
        raise missing()
    found = [
        a
        for a in asked.world.artifacts.values()
        if run in {None, a.run} and asked.query.get("name") in {None, a.name}
    ]
    newest = sorted(found, key=lambda a: -a.id)
    return Items([shapes.artifact(a, asked.world) for a in newest], key="artifacts")


def download(asked: Asked) -> Reply:
    found = asked.world.artifacts.get(int(asked.path["artifact_id"]))
    if found is None or asked.path["archive_format"] != "zip":
        raise missing()
    if found.expired:
        raise Refusal(410, "Artifact has expired")
    # GitHub keeps them on another host: the same server by another name, so that a client sees one.
    elsewhere = asked.api.replace("127.0.0.1", "localhost").removesuffix("/api/v3")
    return Reply(302, None, {"Location": f"{elsewhere}/blobs/{found.id}"})


def dispatch(asked: Asked) -> Reply:
    world, name, ref = asked.world, asked.path["workflow_id"], asked.body["ref"]
    if name not in world.workflows:
        raise missing()
    if world.commit_of(ref) is None:
        raise Refusal(422, f"No ref found for: {ref}")
    world.dispatches.append((name, ref, dict(asked.body.get("inputs", {}))))
    return Reply(204)


OPERATIONS = {
    "repos/get": Operation(get_repository, "metadata=read"),
    "repos/get-collaborator-permission-level": Operation(get_permission, "metadata=read"),
    "users/get-authenticated": Operation(get_user, "metadata=read"),
    "pulls/get": Operation(get_pull, "pull_requests=read; contents=read"),
    "pulls/list": Operation(list_pulls, "pull_requests=read"),
    "repos/list-pull-requests-associated-with-commit": Operation(
        pulls_with_commit, "pull_requests=read; contents=read"
    ),
    "repos/compare-commits-with-basehead": Operation(compare, "contents=read"),
    "git/get-ref": Operation(get_ref, "contents=read"),
    "repos/get-content": Operation(get_content, "contents=read"),
    "actions/get-workflow-run": Operation(get_run, "actions=read"),
    "actions/list-workflow-runs": Operation(list_runs, "actions=read"),
    "actions/re-run-workflow": Operation(rerun, "actions=write"),
    "actions/list-workflow-run-artifacts": Operation(list_artifacts, "actions=read"),
    "actions/list-artifacts-for-repo": Operation(list_artifacts, "actions=read"),
    "actions/download-artifact": Operation(download, "actions=read"),
    "actions/create-workflow-dispatch": Operation(dispatch, "actions=write"),
}
