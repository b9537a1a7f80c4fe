"""What GitHub knows of the repository, its people, its pull requests and its workflows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.errors import ForgeNotFoundError
from runner.forges.github import reading
from runner.forges.github.api import Api, segment
from runner.ports import Artifact, PullRequest, RepositoryFacts, WorkflowRun

_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]|_){0,99}(?:\[bot\])?", re.ASCII)
_PERMISSIONS = ("admin", "write", "read")


class Looking:
    """The ports `Lookup` and `Workflows`, and who has which permission."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def permission(self, login: str) -> str:
        if not _LOGIN.fullmatch(login):
            return "none"
        try:
            found = self._api.get(f"ask what {login} may do", f"/collaborators/{segment(login)}/permission")
        except ForgeNotFoundError:
            return "none"
        permission = str(found.get("permission", ""))
        return permission if permission in _PERMISSIONS else "none"

    def repository(self) -> RepositoryFacts:
        doing = f"look at the repository {self._api.repository}"
        return reading.read(reading.repository, self._api.get(doing, ""))

    def pull(self, number: int) -> PullRequest:
        return reading.read(
            reading.pull, self._api.get(f"look at pull request #{number}", f"/pulls/{number}")
        )

    def pulls_from(self, owner: str, branch: str) -> Sequence[PullRequest]:
        found = self._api.pages(
            f"find the pull requests of {owner}:{branch}",
            "/pulls",
            state="open",
            head=f"{owner}:{branch}",
        )
        return tuple(reading.read(reading.pull, item) for item in found)

    def pulls_with(self, commit: str) -> Sequence[PullRequest]:
        doing = f"find the pull requests of {commit[:7]}"
        found = self._api.pages(doing, f"/commits/{segment(commit)}/pulls")
        return tuple(reading.read(reading.pull, item) for item in found)

    def workflow_run(self, run_id: int) -> WorkflowRun:
        found = self._api.get(f"look at workflow run {run_id}", f"/actions/runs/{run_id}")
        return reading.read(reading.workflow_run, found)

    def artifacts(self, *, run_id: int = 0, name: str = "") -> Sequence[Artifact]:
        where = f"/actions/runs/{run_id}/artifacts" if run_id else "/actions/artifacts"
        doing = f"list the artifacts {name or f'of workflow run {run_id}'}"
        wanted = {"name": name} if name else {}
        found = self._api.pages(doing, where, key="artifacts", **wanted)
        made = [reading.read(reading.artifact, item) for item in found]
        return tuple(sorted(made, key=lambda artifact: -artifact.id))

    def download(self, artifact: Artifact, *, limit: int) -> bytes:
        doing = f"download the artifact {artifact.name}"
        return self._api.download(doing, f"/actions/artifacts/{artifact.id}/zip", limit)

    def download_to(self, artifact: Artifact, path: Path, *, limit: int) -> None:
        doing = f"download the artifact {artifact.name}"
        self._api.download_to(doing, f"/actions/artifacts/{artifact.id}/zip", path, limit)

    def dispatch(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> None:
        doing = f"start the workflow {workflow}"
        path = f"/actions/workflows/{segment(workflow)}/dispatches"
        self._api.post(doing, path, {"ref": ref, "inputs": dict(inputs)})

    def runs_of(self, workflow: str, commit: str) -> Sequence[WorkflowRun]:
        doing = f"list the runs of {workflow} at {commit[:7]}"
        path = f"/actions/workflows/{segment(workflow)}/runs"
        found = self._api.pages(doing, path, key="workflow_runs", head_sha=commit)
        made = [reading.read(reading.workflow_run, item) for item in found]
        return tuple(sorted(made, key=lambda run: -run.id))

    def rerun(self, run_id: int) -> None:
        self._api.post(f"run workflow run {run_id} again", f"/actions/runs/{run_id}/rerun", {})

    def active(self, workflow: str) -> int:
        # One run is asked for, since the number of all comes with it.
        path = f"/actions/workflows/{segment(workflow)}/runs?status=in_progress&per_page=1"
        found = self._api.get(f"count the runs of {workflow} in progress", path)
        return reading.read(lambda reply: int(reply["total_count"]), found)
