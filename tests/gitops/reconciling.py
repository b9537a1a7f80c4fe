"""A repository on a forge, its workflow runs, and passes of reconciliation in virtual time."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.agent.work import carry_out
from runner.forges.files import FileForge
from runner.gitops.context import Context
from runner.gitops.reconcile import cursor
from runner.gitops.reconcile.cursor import Cursor
from runner.gitops.reconcile.reads import MOST
from runner.gitops.reconcile.reconciling import reconcile
from runner.gitops.run.performing import Performed, Stage, Start
from runner.ports import CodeHost, PullRequest, RepositoryFacts, WorkflowRun
from runner.publish.follow import follow
from runner.publish.watched import Followed, Watched
from tests.gitops.merged_pulls import merged_pull
from tests.gitops.merged_pulls import reviewed as review_of
from tests.histories import HERE, START, Repository
from tests.virtual_time import VirtualTime

NOW = START + 7200.0
URL = "https://github.com/octo/lab/actions/runs"


class Forge(FileForge):
    """`brought`: commit → the number of the pull request that a rebase brought it with."""

    def __init__(self, root: Path, clock: VirtualTime) -> None:
        super().__init__(root, clock=clock)
        self.put_repository(RepositoryFacts(id=HERE, full_name="octo/lab", default_branch="main"))
        self.brought: dict[str, int] = {}

    def pulls_with(self, commit: str) -> list[PullRequest]:
        found = list(super().pulls_with(commit))
        return found or ([self.pull(self.brought[commit])] if commit in self.brought else [])


def here(starts: Sequence[Start], stage: Stage) -> list[Performed]:
    """As `perform`, without processes for the agents: they have their own tests."""
    for start in starts:
        if start.order is not None:
            carry_out(start.order)
    watched = [Watched(where=s.where, target=s.target, alive=lambda: False) for s in starts]
    shown = follow(watched, stage.forge, clock=stage.clock, sleep=stage.sleep, notice=stage.notice)
    return [Performed(start=s, followed=f) for s, f in zip(starts, shown, strict=True)]


def in_vain(starts: Sequence[Start], stage: Stage) -> list[Performed]:
    """What they need does not answer."""
    followed = [Followed(run_id=start.run_id, outcome=None, published=True) for start in starts]
    return [
        Performed(start=start, followed=one, trouble="S3 asks for patience", may_pass=True)
        for start, one in zip(starts, followed, strict=True)
    ]


@dataclass
class World:
    folder: Path
    clock: VirtualTime = field(default_factory=lambda: VirtualTime(NOW))
    number: int = 100
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.repository = Repository(self.folder / "checkout")
        self.forge = Forge(self.folder / "forge", self.clock)
        self.first = self.repository.commit({"README.md": "queues\n", ".gitignore": ".runner/\n"})

    @property
    def checkout(self) -> Path:
        return self.repository.folder

    def merged(self, files: dict[str, str | bytes | None], number: int = 7, **fields: Any) -> PullRequest:
        """A pull request that was reviewed and squashed, and whose push started nothing."""
        before = self.repository.head
        return self.pull(number, self.repository.commit(files), before, *files, **fields)

    def pull(
        self, number: int, merge_commit: str, before: str, *sources: str, reviewed: bool = True
    ) -> PullRequest:
        pull = merged_pull(number, merge_commit, before, merged_at=NOW - 5000)
        self.forge.put_pull(pull)
        if reviewed:
            self.forge.set_status(pull.head_commit, review_of(self.checkout, *sources))
        return pull

    def workflow_run(self, number: int, workflow: str = "reconcile", **fields: Any) -> WorkflowRun:
        events = {"merge": "push", "reconcile": "schedule"}
        known: dict[str, Any] = {
            "workflow": f".github/workflows/{workflow}.yaml",
            "event": events.get(workflow, "pull_request"),
            "branch": "main",
            "commit": self.repository.head,
            "conclusion": "",
            "repository": HERE,
            "head_repository": HERE,
            "url": f"{URL}/{number}",
        }
        run = WorkflowRun(id=number, **{**known, **fields})
        self.forge.put_workflow_run(run)
        return run

    def cursor(self, commit: str, *, at: float | None = None, run: int = 90, **fields: Any) -> None:
        """What the pass before left."""
        self.workflow_run(run, conclusion="success")
        made = Cursor(commit=commit, at=self.clock.now() if at is None else at, **fields)
        self.keep_cursor(cursor.to_json(made), run)

    def keep_cursor(self, raw: bytes, run: int) -> None:
        self.forge.put_artifact(cursor.ARTIFACT, packed({cursor.FILE: raw}), run_id=run)

    def stage(self, number: int, forge: CodeHost | None = None, **fields: Any) -> Stage:
        context = Context(
            event_name="schedule",
            event_path=self.folder / "event.json",
            repository="octo/lab",
            sha=fields.pop("sha", self.repository.head),
            ref=fields.pop("ref", "refs/heads/main"),
            checkout=fields.pop("checkout", self.checkout),
            environ={},
            run_id=number,
            summary_path=self.folder / "summary.md",
        )
        known = {"sleep": self.clock.sleep, "notice": self.said.append}
        return Stage(context=context, forge=forge or self.forge, clock=self.clock, **(known | fields))

    def go(self, *, most: int = MOST, performing: Any = here, **fields: Any) -> int:
        """One pass in a workflow run of its own, which ends with its artifacts."""
        self.number += 1
        self.said.clear()
        (self.folder / "summary.md").unlink(missing_ok=True)
        run = self.workflow_run(self.number)
        conclusion = "failure"
        try:
            code = reconcile(self.stage(run.id, **fields), performing=performing, most=most)
            conclusion = "failure" if code else "success"
        finally:
            self.ends(run.id, conclusion)
        return code

    def ends(self, number: int, conclusion: str, workflow: str = "reconcile", *, keeps: bool = True) -> None:
        """The machine is gone, but for what the workflow uploads."""
        home = self.checkout / ".runner"
        left = home / cursor.FILE
        if keeps and left.exists():
            self.keep_cursor(left.read_bytes(), number)
        runs = [path.parent for path in home.glob("*/plan.json")]
        if keeps and runs:
            self.forge.put_artifact("runner-runs", packed(_files(runs)), run_id=number)
        shutil.rmtree(home, ignore_errors=True)
        self.workflow_run(number, workflow, conclusion=conclusion)

    def newest_cursor(self) -> Cursor:
        newest = self.forge.artifacts(name=cursor.ARTIFACT)[0]
        with zipfile.ZipFile(io.BytesIO(self.forge.download(newest, limit=1_000_000))) as archive:
            return cursor.from_json(archive.read(cursor.FILE))

    def statuses(self, commit: str) -> dict[str, str]:
        return {s.context: s.state for s in self.forge.statuses(commit) if s.context != "runner/plan"}

    def words(self, commit: str, context: str) -> str:
        return next(s.description for s in self.forge.statuses(commit) if s.context == context)

    def comments(self, pull: int = 7) -> list[str]:
        """Their kinds, those that are folded in parentheses."""
        found = self.forge.comments(pull)
        kinds = [(c.body.split()[1].removeprefix("runner:"), c.minimized) for c in found]
        return [f"({kind})" if minimized else kind for kind, minimized in kinds]

    def summary(self) -> str:
        return (self.folder / "summary.md").read_text()


def queue(command: str = "true", **fields: Any) -> str:
    return json.dumps({**fields, "jobs": [{"job_id": "a", "command": command}]})


def counting(path: Path, **fields: Any) -> str:
    """A queue of which each run leaves a line."""
    return queue(f"echo $RUNNER_RUN_ID >> {path}", **fields)


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def packed(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return raw.getvalue()


def _files(runs: Sequence[Path]) -> dict[str, bytes]:
    return {
        f"{run.name}/{path.relative_to(run)}": path.read_bytes()
        for run in runs
        for path in sorted(run.rglob("*"))
        if path.is_file()
    }
