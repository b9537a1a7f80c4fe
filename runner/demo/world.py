"""A repository with an embedded forge, and what people and GitHub do to them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.errors import RunnerError
from runner.forges.files import FileForge
from runner.gitops.artifacts.kept import ARTIFACT
from runner.ports import Clock, PullRequest, RepositoryFacts, WorkflowRun

REPOSITORY, REPOSITORY_ID = "you/forecast", 1
AUTHOR = "ada"
_GIT = {
    "GIT_AUTHOR_NAME": AUTHOR,
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": AUTHOR,
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(slots=True)
class World:
    """Everything lies below `folder`: the repository, the forge's files, the events, what steps wrote."""

    folder: Path
    clock: Clock
    forge: FileForge = field(init=False)
    _runs: int = 0

    def __post_init__(self) -> None:
        self.forge = FileForge(self.folder / "forge", clock=self.clock)
        facts = RepositoryFacts(id=REPOSITORY_ID, full_name=REPOSITORY, default_branch="main", private=True)
        self.forge.put_repository(facts)
        self.forge.put_person(AUTHOR, "write")
        self.checkout.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    @property
    def checkout(self) -> Path:
        return self.folder / "forecast"

    def git(self, *words: str) -> str:
        """Raises RunnerError."""
        try:
            done = subprocess.run(
                ["git", *words],
                cwd=self.checkout,
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder)} | _GIT,
                check=True,
                capture_output=True,
                text=True,
                timeout=60,
            )
        except FileNotFoundError:
            raise RunnerError("there is no git here", hint="install git, and run it again") from None
        except subprocess.SubprocessError as error:
            raise RunnerError(f"git {words[0]} did not work: {getattr(error, 'stderr', error)}") from error
        return done.stdout.strip()

    def commit(self, message: str, files: Mapping[str, str]) -> str:
        """The commit's id."""
        for name, text in files.items():
            path = self.checkout / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def open_pull(self, number: int, title: str, branch: str) -> PullRequest:
        """Of what is on `branch` now."""
        pull = PullRequest(
            number=number,
            title=title,
            author=AUTHOR,
            is_open=True,
            head_commit=self.git("rev-parse", branch),
            head_branch=branch,
            head_repository=REPOSITORY_ID,
            base_branch="main",
            base_commit=self.git("rev-parse", "main"),
            base_repository=REPOSITORY_ID,
        )
        self.forge.put_pull(pull)
        return pull

    def merge_ref(self, pull: PullRequest) -> str:
        """Check out what GitHub would: the pull request merged into its base, on no branch."""
        self.git("checkout", "--quiet", "--detach", pull.base_commit)
        self.git("merge", "--quiet", "--no-ff", "--message", "Merge", pull.head_commit)
        return self.git("rev-parse", "HEAD")

    def squash(self, pull: PullRequest) -> PullRequest:
        """Merge it; the checkout has the default branch then."""
        self.git("checkout", "--quiet", "main")
        self.git("merge", "--quiet", "--squash", pull.head_branch)
        self.git("commit", "--quiet", "--message", f"{pull.title} (#{pull.number})")
        merged = replace(
            pull, is_open=False, merge_commit=self.git("rev-parse", "HEAD"), merged_at=self.clock.now()
        )
        self.forge.put_pull(merged)
        return merged

    def workflow(self, name: str, event: str, commit: str, branch: str = "main") -> WorkflowRun:
        """A workflow run that begins."""
        self._runs += 1
        run = WorkflowRun(
            id=self._runs,
            workflow=f".github/workflows/runner-{name}.yaml",
            event=event,
            branch=branch,
            commit=commit,
            conclusion="",
            repository=REPOSITORY_ID,
            head_repository=REPOSITORY_ID,
        )
        self.forge.put_workflow_run(run)
        return run

    def step(self, run: WorkflowRun, payload: Mapping[str, Any], *words: str) -> int:
        """One step of it: `runner github WORDS…`, with the event as GitHub gives it. Its exit code."""
        event = self.folder / f"event-{run.id}.json"
        event.write_text(json.dumps(payload), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-I", "-m", "runner", "github", *words],
            cwd=self.checkout,
            env=self._environ(run, event),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.forge.put_workflow_run(replace(run, conclusion="success"))
        if done.returncode not in {0, 1}:
            raise RunnerError(f"runner github {words[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.returncode

    def _environ(self, run: WorkflowRun, event: Path) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": (self.folder / "forge").as_uri(),
            "GITHUB_EVENT_NAME": run.event,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SHA": run.commit,
            "GITHUB_REF": f"refs/heads/{run.branch}",
            "GITHUB_RUN_ID": str(run.id),
            "GITHUB_ACTOR": AUTHOR,
            "GITHUB_STEP_SUMMARY": str(self.folder / f"summary-{run.id}.md"),
            "GITHUB_OUTPUT": str(self.folder / f"output-{run.id}"),
        }

    def keep_runs(self, run: WorkflowRun) -> None:
        """What the workflow does at its end: the directories of its runs become its artifact."""
        home = self.checkout / ".runner"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for plan in home.glob("*/plan.json"):
                for path in sorted(p for p in plan.parent.rglob("*") if p.is_file()):
                    archive.write(path, path.relative_to(home))
        self.forge.put_artifact(ARTIFACT, packed.getvalue(), run_id=run.id)
