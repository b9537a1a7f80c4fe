"""What one pass asks of the forge: each thing once, and not more than a pass may ask."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runner.errors import ForgeNotFoundError, RunnerError
from runner.gitops.artifacts import kept
from runner.gitops.run.performing import Stage
from runner.gitops.workflow_files import CLOUD, MERGE, RECONCILE, kind_of
from runner.ports import Artifact, PullRequest, RepositoryFacts, Status, WorkflowRun
from runner.report.statuses import PLAN_CONTEXT

MOST = 100
"""Of the 1,000 requests that a token has in an hour, for everything that runs in the repository."""
_CONTEXT = re.compile(r"runner/[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


class ReadsSpentError(RunnerError):
    """Nothing more is asked in this pass: the rest is for the next one."""


def spent() -> ReadsSpentError:
    return ReadsSpentError("the forge was asked enough for one pass", hint="the next one goes on")


@dataclass(kw_only=True)
class Reads:
    """Raises ReadsSpentError where more than `left` would be asked, and ForgeError. Also a `ports.Lookup`.

    `reserve` is for what comes after the present stage.
    """

    stage: Stage
    left: int = MOST
    reserve: int = 0
    _repository: RepositoryFacts | None = None
    _login: str = ""
    _ours: dict[str, Mapping[str, Status]] = field(default_factory=dict)
    _pulls: dict[str, Sequence[PullRequest]] = field(default_factory=dict)
    _runs: dict[int, WorkflowRun | None] = field(default_factory=dict)
    _merging: dict[str, bool] = field(default_factory=dict)
    _merge_names: tuple[str, ...] | None = None

    def spend(self, number: int = 1) -> None:
        """Of what is about to be asked elsewhere, too."""
        if self.left - self.reserve < number:
            raise spent()
        self.left -= number

    def repository(self) -> RepositoryFacts:
        if self._repository is None:
            self.spend()
            self._repository = self.stage.forge.repository()
        return self._repository

    def login(self) -> str:
        if not self._login:
            self.spend()
            self._login = self.stage.forge.login()
        return self._login

    def ours(self, commit: str) -> Mapping[str, Status]:
        """Our own statuses of queues and jobs, by context. Who pushes a branch may set others."""
        if commit not in self._ours:
            mine = self.login().casefold()
            self.spend()
            self._ours[commit] = {
                status.context: status
                for status in self.stage.forge.statuses(commit)
                if status.author.casefold() == mine
                and status.context.startswith("runner/")
                and status.context != PLAN_CONTEXT
            }
        return self._ours[commit]

    def ours_now(self, commit: str) -> Mapping[str, Status]:
        """The same, asked again."""
        self._ours.pop(commit, None)
        return self.ours(commit)

    def pull(self, number: int) -> PullRequest:
        self.spend()
        return self.stage.forge.pull(number)

    def pulls_from(self, owner: str, branch: str) -> Sequence[PullRequest]:
        self.spend()
        return self.stage.forge.pulls_from(owner, branch)

    def pulls_with(self, commit: str) -> Sequence[PullRequest]:
        if commit not in self._pulls:
            self.spend()
            self._pulls[commit] = self.stage.forge.pulls_with(commit)
        return self._pulls[commit]

    def merged_as(self, commit: str) -> PullRequest | None:
        """The pull request whose merge into the default branch this commit is."""
        found = [
            pull
            for pull in self.pulls_with(commit)
            if self.is_merged_here(pull) and pull.merge_commit == commit
        ]
        return max(found, key=lambda pull: (pull.merged_at, pull.number), default=None)

    def is_merged_here(self, pull: PullRequest) -> bool:
        here = self.repository()
        return pull.is_merged and (pull.base_branch, pull.base_repository) == (here.default_branch, here.id)

    def workflow_run(self, number: int) -> WorkflowRun | None:
        """None for one that is not there, or that nobody has to trust (see `kept`)."""
        if number not in self._runs:
            here = self.repository()
            self.spend()
            try:
                found = self.stage.forge.workflow_run(number)
            except ForgeNotFoundError:
                found = None
            self._runs[number] = found if found is not None and kept.is_trusted(found, here) else None
        return self._runs[number]

    def is_over(self, run: WorkflowRun) -> bool:
        """Whether nobody works there any more.

        What leads to this very workflow run is of an earlier attempt at it: a pass looks before it starts.
        """
        return bool(run.conclusion) or run.id == self.stage.context.run_id

    def artifacts(self, *, run_id: int = 0, name: str = "") -> Sequence[Artifact]:
        self.spend()
        return self.stage.forge.artifacts(run_id=run_id, name=name)

    def merging(self, commit: str) -> bool:
        """Whether a push of this commit has a workflow run that is on its way."""
        if commit not in self._merging:
            self._merging[commit] = any(self._has_live(name, commit) for name in self._merge_workflows())
        return self._merging[commit]

    def _has_live(self, name: str, commit: str) -> bool:
        self.spend()
        try:
            found = self.stage.forge.runs_of(name, commit)
        except ForgeNotFoundError:
            return False
        return any(run.event == "push" and not run.conclusion for run in found)

    def _merge_workflows(self) -> tuple[str, ...]:
        """File names. Where the token may not list them, those that this project gives them."""
        if self._merge_names is None:
            self.spend()
            listed = self.stage.forge.workflows()
            kind = MERGE if self.stage.site is None else CLOUD
            paths = [file.path for file in listed or () if kind_of(file.path) == kind]
            known = tuple(path.rpartition("/")[2] for path in paths)
            self._merge_names = known or (f"{kind}.yaml", f"runner-{kind}.yaml")
        return self._merge_names


def is_pass(run: WorkflowRun, stage: Stage) -> bool:
    """Whether a workflow run that is trusted was a pass like this one."""
    kind = RECONCILE if stage.site is None else CLOUD
    return run.event in {"schedule", "workflow_dispatch"} and kind_of(run.workflow) == kind


def is_queue(context: str) -> bool:
    """Whether the context of a status of ours is a queue's, not that of a job."""
    return _CONTEXT.fullmatch(context) is not None
