"""Where a run is shown: commit, pull request and links, as this step of a workflow knows them."""

from __future__ import annotations

from pathlib import Path

from runner.config import Config
from runner.gitops.artifacts.kept import ARTIFACT
from runner.gitops.run.performing import Stage
from runner.ports import PullRequest
from runner.publish.target import Target
from runner.report.links import Links
from runner.runs.places import HOME


def target_of(commit: str, pull: PullRequest | None, config: Config, stage: Stage) -> Target:
    """A run of `commit`, with this workflow run as its report."""
    return Target(
        commit=commit,
        head=pull.head_commit if pull is not None else "",
        pull=pull.number if pull is not None else 0,
        links=Links(report=stage.context.run_url, files=stage.context.files_url(commit), artifact=ARTIFACT),
        status_jobs=config.gitops.status_jobs,
        live_interval=config.gitops.live_interval,
    )


def run_directory(stage: Stage, run_id: str) -> Path:
    return stage.context.checkout / HOME / run_id
