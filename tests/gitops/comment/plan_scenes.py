"""A pull request whose plans come in, push by push, on both forges."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from runner import plan as plans
from runner.gitops.comment.commenting import comment
from runner.gitops.context import Context
from runner.gitops.payload import WorkflowRunEvent
from runner.gitops.plan.artifact import ARTIFACT, NAME, Bundle, PlannedFile, written
from runner.model import Job
from runner.ports import CodeHost, Comment, PullRequest, Status, WorkflowRun
from runner.problems import Location, Problem
from tests.builders import job, queue
from tests.forge_worlds import (
    BASE,
    HERE,
    PLAN,
    PULLS,
    InDouble,
    InFiles,
    pull_in_double,
)
from tests.github_double import Artifact
from tests.github_double import WorkflowRun as DoubleRun
from tests.github_markdown import assert_harmless
from tests.virtual_time import VirtualTime

World = InDouble | InFiles
FIRST, SECOND, THIRD = "1abe" * 10, "2abe" * 10, "3abe" * 10


def planned(source: str = "queues/etl.yaml", *jobs: Job, **fields: Any) -> PlannedFile:
    made = queue(*(jobs or (job("load", timeout=60.0), job("report", "load", timeout=60.0))), **fields)
    return PlannedFile(source=source, plan=plans.symbolic(made, source=source, runner_version="0.1.0")[0])


def packed(raw: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, raw)
    return target.getvalue()


@dataclass
class Scene:
    """`checkout` is that of the default branch. `run` is what the workflow calls, after a push."""

    world: World
    checkout: Path
    folder: Path
    pull: PullRequest = PULLS[0]
    runs: list[WorkflowRun] = field(default_factory=list)

    @property
    def forge(self) -> CodeHost:
        return self.world.forge

    def push(self, commit: str, *files: PlannedFile, raw: bytes | None = None, **fields: Any) -> WorkflowRun:
        """The head moves to `commit`, and its plan workflow ends. `raw` is put into the artifact as it is."""
        self.update(head_commit=commit)
        conclusion = "failure" if any(file.broken for file in files) else "success"
        return self.plan(commit, *files, raw=raw, **{"conclusion": conclusion, **fields})

    def plan(self, commit: str, *files: PlannedFile, raw: bytes | None = None, **fields: Any) -> WorkflowRun:
        number = 100 + 10 * len(self.runs)
        run = replace(PLAN, id=number, commit=commit, head_repository=self.pull.head_repository, **fields)
        self.runs.append(run)
        self._put_run(run)
        self.put(run, raw if raw is not None else self.raw(commit, *files))
        return run

    def raw(self, commit: str, *files: PlannedFile, removed: Sequence[str] = ()) -> bytes:
        made = Bundle(sha=commit, base=BASE, runner_version="0.1.0", queues=files, removed=tuple(removed))
        return written(made)[1]

    def put(self, run: WorkflowRun, raw: bytes) -> None:
        """Into the artifact on the forge, and where `actions/download-artifact` puts it."""
        content = packed(raw)
        if isinstance(self.world, InFiles):
            self.world.files.put_artifact(ARTIFACT, content, run_id=run.id)
        else:
            world = self.world.double.world
            number = world.new_id()
            world.artifacts[number] = Artifact(number, ARTIFACT, content, run.id, self.world.clock.now())
        place = self.folder / f"{run.id}"
        place.mkdir(parents=True, exist_ok=True)
        (place / NAME).write_bytes(raw)

    def comment(
        self,
        run: WorkflowRun,
        *,
        forge: CodeHost | None = None,
        pulls: tuple[int, ...] | None = None,
        **event: Any,
    ) -> str:
        """The comment workflow after `run`; what it says in its summary."""
        summary = self.folder / f"summary-{run.id}.md"
        summary.unlink(missing_ok=True)
        named = (7,) if pulls is None else pulls
        happened = WorkflowRunEvent(
            **{"action": "completed", "run": run, "head_owner": "octo", "pulls": named, **event}
        )
        context = Context(
            event_name="workflow_run",
            event_path=self.folder / "event.json",
            repository="octo/lab",
            sha="5" * 40,
            ref="refs/heads/main",
            checkout=self.checkout,
            environ={},
            run_id=999,
            summary_path=summary,
        )
        assert comment(context, happened, forge or self.forge, self.folder / f"{run.id}") == 0
        return summary.read_text(encoding="utf-8").strip()

    def shown(self, commit: str, *files: PlannedFile, **fields: Any) -> str:
        """A push, and what is made of it."""
        return self.comment(self.push(commit, *files, **fields))

    def ours(self) -> list[Comment]:
        login = self.forge.login()
        return [c for c in self.forge.comments(7) if c.author == login]

    def body(self) -> str:
        (found,) = [c for c in self.ours() if not c.minimized]
        return found.body

    def status(self, commit: str) -> Status | None:
        return next((s for s in self.forge.statuses(commit) if s.context == "runner/plan"), None)

    def update(self, **fields: Any) -> None:
        self.pull = replace(self.pull, **fields)
        self.put_pull(self.pull)

    def put_pull(self, pull: PullRequest, owner: str = "octo") -> None:
        if isinstance(self.world, InFiles):
            self.world.files.put_pull(pull)
            return
        world = self.world.double.world
        world.commits.setdefault(pull.head_commit, (BASE,))
        world.pulls[pull.number] = pull_in_double(pull, self.world.double, owner)
        world.pulls[pull.number].locked = pull.locked

    def _put_run(self, run: WorkflowRun) -> None:
        if isinstance(self.world, InFiles):
            self.world.files.put_workflow_run(run)
            return
        world = self.world.double.world
        world.commits.setdefault(run.commit, (BASE,))
        world.workflows.add("plan.yaml")
        fork = run.head_repository if run.head_repository != HERE else None
        world.runs[run.id] = DoubleRun(
            run.id, run.workflow, run.event, run.branch, run.commit, run.conclusion, fork, run.attempt
        )


class Killed(BaseException):
    """The process ends here, whatever the code would like to do about it."""


class Wired:
    """A forge that tells of each call: `before` and `after` may do anything, end the process included."""

    def __init__(
        self,
        forge: CodeHost,
        *,
        before: Callable[[str], None] = lambda _: None,
        after: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._forge, self._before, self._after = forge, before, after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._forge, name)

        def call(*words: Any, **named: Any) -> Any:
            self._before(name)
            answer = method(*words, **named)
            self._after(name)
            return answer

        return call


class Countdown:
    """Ends the process at the n-th call."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self, _: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


BROKEN = PlannedFile(
    source="queues/etl.yaml",
    problems=(
        Problem(
            rule="unknown-dependency",
            message="there is no job `laod` to depend on",
            hint="did you mean load?",
            location=Location(file="queues/etl.yaml", line=4, column=17),
        ),
    ),
)


def in_files(tmp_path: Path, checkout: Path) -> Scene:
    return Scene(world=InFiles(tmp_path / "forge", VirtualTime()), checkout=checkout, folder=tmp_path)


def read(scene: Scene) -> str:
    """The comment without its digests: a change of how they are made is no change of it."""
    return re.sub("sha256:[0-9a-f]{64}", "sha256:DIGEST", scene.body())


def harmless(scene: Scene) -> None:
    assert_harmless(scene.body(), links="https://github.com/octo/lab/blob/")


def wired(
    scene: Scene,
    *,
    before: Callable[[str], None] = lambda _: None,
    after: Callable[[str], None] = lambda _: None,
) -> CodeHost:
    return cast(CodeHost, Wired(scene.forge, before=before, after=after))
