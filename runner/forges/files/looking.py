"""The repository, its people, pull requests and workflows as files, and the methods that put them there.

repository.json    people.json    pulls/7/pull.json
workflow-runs/3.json    artifacts/000004.json, .zip    dispatches/000005.json
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.errors import ForgeError, ForgeNotFoundError, ForgeRefusedError
from runner.forges.files.folder import Folder
from runner.ports import Artifact, Clock, PullRequest, RepositoryFacts, WorkflowRun

_PERMISSIONS = ("admin", "write", "read", "none")


class Looking:
    """The ports `Lookup` and `Workflows`, and who has which permission."""

    def __init__(self, folder: Folder, clock: Clock, login: str) -> None:
        self._folder = folder
        self._clock = clock
        self._login = login

    def permission(self, login: str) -> str:
        if login == self._login:
            return "admin"
        found = (self._folder.get("people.json") or {}).get(login)
        return found if found in _PERMISSIONS else "none"

    def repository(self) -> RepositoryFacts:
        found = self._folder.record("repository.json", RepositoryFacts)
        return found or RepositoryFacts(id=1, full_name="local/repository", default_branch="main")

    def pull(self, number: int) -> PullRequest:
        found = self._folder.record(f"pulls/{number}/pull.json", PullRequest)
        if found is None:
            raise ForgeNotFoundError(f"there is no pull request #{number} in {self._folder.root}")
        return found

    def pulls_from(self, owner: str, branch: str) -> Sequence[PullRequest]:
        """A folder knows no forks: `owner` is that of the repository, or nothing is found."""
        own = self.repository().full_name.partition("/")[0] == owner
        return tuple(p for p in self._pulls() if own and p.is_open and p.head_branch == branch)

    def pulls_with(self, commit: str) -> Sequence[PullRequest]:
        return tuple(
            p
            for p in self._pulls()
            if commit == p.merge_commit
            or (commit == p.head_commit and p.head_repository == p.base_repository)
        )

    def _pulls(self) -> list[PullRequest]:
        names = self._folder.names("pulls/*/pull.json")
        found = [self._folder.record(name, PullRequest) for name in names]
        return sorted((p for p in found if p is not None), key=lambda p: -p.number)

    def workflow_run(self, run_id: int) -> WorkflowRun:
        found = self._folder.record(f"workflow-runs/{run_id}.json", WorkflowRun)
        if found is None:
            raise ForgeNotFoundError(f"there is no workflow run {run_id} in {self._folder.root}")
        return found

    def artifacts(self, *, run_id: int = 0, name: str = "") -> Sequence[Artifact]:
        found = [self._folder.record(file, Artifact) for file in self._folder.names("artifacts/[0-9]*.json")]
        return tuple(
            artifact
            for artifact in reversed(found)
            if artifact is not None and run_id in {0, artifact.workflow_run} and name in {"", artifact.name}
        )

    def download(self, artifact: Artifact, *, limit: int) -> bytes:
        content = self._folder.read(f"artifacts/{artifact.id:06d}.zip")
        if content is None or artifact.expired:
            raise ForgeNotFoundError(f"cannot download the artifact {artifact.name}: it is not there")
        if len(content) > limit:
            raise ForgeRefusedError(
                f"cannot download the artifact {artifact.name}: it has more than {limit} bytes"
            )
        return content

    def download_to(self, artifact: Artifact, path: Path, *, limit: int) -> None:
        content = self.download(artifact, limit=limit)
        try:
            with path.open("xb") as file:
                file.write(content)
        except OSError as error:
            raise ForgeError(f"cannot write {path}: {error.strerror or error}") from error

    def runs_of(self, workflow: str, commit: str) -> Sequence[WorkflowRun]:
        return tuple(run for run in self._workflow_runs(workflow) if run.commit == commit)

    def active(self, workflow: str) -> int:
        return sum(not run.conclusion for run in self._workflow_runs(workflow))

    def _workflow_runs(self, workflow: str) -> list[WorkflowRun]:
        names = self._folder.names("workflow-runs/*.json")
        found = [self._folder.record(name, WorkflowRun) for name in names]
        of_it = [run for run in found if run is not None and run.workflow.rpartition("/")[2] == workflow]
        return sorted(of_it, key=lambda run: -run.id)

    def rerun(self, run_id: int) -> None:
        """Only remembered: nothing here runs workflows."""
        with self._folder.changing():
            run = self.workflow_run(run_id)
            if not run.conclusion:
                raise ForgeRefusedError(f"cannot run workflow run {run_id} again: it is running")
            self.put_workflow_run(dataclasses.replace(run, conclusion="", attempt=run.attempt + 1))

    def dispatch(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> None:
        """Only remembered: nothing here runs workflows."""
        with self._folder.changing():
            name = f"dispatches/{self._folder.next_id():06d}.json"
            self._folder.put(name, {"workflow": workflow, "ref": ref, "inputs": dict(inputs)})

    def put_repository(self, facts: RepositoryFacts) -> None:
        self._folder.put("repository.json", facts)

    def put_person(self, login: str, permission: str) -> None:
        with self._folder.changing():
            self._folder.put("people.json", {**(self._folder.get("people.json") or {}), login: permission})

    def put_pull(self, pull: PullRequest) -> None:
        """Open it, or say what became of it."""
        self._folder.put(f"pulls/{pull.number}/pull.json", pull)

    def put_workflow_run(self, run: WorkflowRun) -> None:
        self._folder.put(f"workflow-runs/{run.id}.json", run)

    def put_artifact(self, name: str, content: bytes, *, run_id: int, expired: bool = False) -> Artifact:
        with self._folder.changing():
            made = Artifact(
                id=self._folder.next_id(),
                name=name,
                size=len(content),
                at=self._clock.now(),
                expired=expired,
                workflow_run=run_id,
            )
            self._folder.write(f"artifacts/{made.id:06d}.zip", content)
            self._folder.put(f"artifacts/{made.id:06d}.json", made)
        return made
