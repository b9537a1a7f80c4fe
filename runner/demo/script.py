"""What happens in the demonstration, step by step."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.demo.world import AUTHOR, REPOSITORY, REPOSITORY_ID, World
from runner.ports import Clock, Comment, PullRequest, Status, WorkflowRun

NUMBER = 7
SOURCE = "queues/forecast.yaml"
QUEUE = """\
queue_id: forecast
timeout: 30m
jobs:
  - job_id: fetch
    command: printf 'day,load\\n1,40\\n2,44\\n' > load.csv
    result_files: [load.csv]
  - job_id: check
    command: grep -c , load.csv
    depends_on: [fetch]
  - job_id: train
    depends_on: [fetch]
    timeout: 10m
    command: |
      echo "epoch 1, loss 0.41"
      if [ "$RUNNER_ATTEMPT" -lt 2 ]; then
        echo "OSError: [Errno 122] Disk quota exceeded: '/scratch/model.bin'" >&2
        exit 74
      fi
      echo "epoch 2, loss 0.12" > model.txt
      echo "Loss **0.12** after two epochs." > "$RUNNER_SUMMARY"
    result_files: [model.txt]
  - job_id: publish
    command: cat model.txt
    depends_on: [train, check]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What somebody did, and what the pull request shows then."""

    title: str
    comments: tuple[Comment, ...] = ()
    statuses: tuple[Status, ...] = ()


def play(folder: Path, clock: Clock) -> Iterator[Scene]:
    """Scene by scene, in a repository below `folder`. Raises RunnerError."""
    world = World(folder, clock)
    pull = _proposed(world)
    _plan(world, pull)
    shown = {comment.id: comment.body for comment in _said(world)}
    yield Scene(
        title=f"{AUTHOR} opens pull request #{NUMBER} with {SOURCE}",
        comments=_said(world),
        statuses=_statuses(world, pull.head_commit),
    )
    pull = world.squash(pull)
    _merge(world, pull)
    news = tuple(comment for comment in _said(world) if shown.get(comment.id) != comment.body)
    yield Scene(
        title="The pull request is merged, and its queue runs",
        comments=news,
        statuses=_statuses(world, pull.merge_commit),
    )
    shown = {comment.id: comment.body for comment in _said(world)}
    asked = world.forge.put_comment(NUMBER, f"/runner retry {_run_id(world)}", author=AUTHOR)
    _command(world, pull, asked)
    yield Scene(
        title=f"The quota is raised, and {AUTHOR} comments: {asked.body}",
        comments=tuple(comment for comment in _said(world) if shown.get(comment.id) != comment.body),
        statuses=_statuses(world, pull.merge_commit),
    )


def _proposed(world: World) -> PullRequest:
    world.commit("Begin", {"README.md": "# forecast\n"})
    world.git("checkout", "--quiet", "-b", "forecast")
    world.commit("Forecast the load", {SOURCE: QUEUE})
    return world.open_pull(NUMBER, "Forecast the load", "forecast")


def _plan(world: World, pull: PullRequest) -> None:
    artifact = world.folder / "artifact"
    run = world.workflow("plan", "pull_request", world.merge_ref(pull), pull.head_branch)
    side = {"sha": pull.head_commit, "ref": pull.head_branch, "repo": {"id": REPOSITORY_ID}}
    base = {"sha": pull.base_commit, "ref": "main", "repo": {"id": REPOSITORY_ID}}
    event = {"action": "opened", "number": NUMBER, "pull_request": {"head": side, "base": base}}
    world.step(run, event, "plan", "--output", str(artifact))
    world.git("checkout", "--quiet", "main")
    follower = world.workflow("comment", "workflow_run", pull.base_commit)
    world.step(follower, _completed(run, pull), "comment", "--input", str(artifact))


def _completed(run: WorkflowRun, pull: PullRequest) -> dict[str, Any]:
    repository = {"id": REPOSITORY_ID, "full_name": REPOSITORY, "owner": {"login": REPOSITORY.split("/")[0]}}
    return {
        "action": "completed",
        "workflow_run": {
            "id": run.id,
            "path": run.workflow,
            "event": run.event,
            "head_branch": pull.head_branch,
            "head_sha": pull.head_commit,
            "conclusion": "success",
            "run_attempt": 1,
            "repository": repository,
            "head_repository": repository,
            "pull_requests": [{"number": NUMBER}],
        },
    }


def _merge(world: World, pull: PullRequest) -> None:
    run = world.workflow("merge", "push", pull.merge_commit)
    event = {
        "ref": "refs/heads/main",
        "before": pull.base_commit,
        "after": pull.merge_commit,
        "repository": {"default_branch": "main"},
    }
    world.step(run, event, "merge")
    world.keep_runs(run)


def _command(world: World, pull: PullRequest, asked: Comment) -> None:
    """On a machine that has nothing of the run but what was kept."""
    shutil.rmtree(world.checkout / ".runner")
    run = world.workflow("command", "issue_comment", pull.merge_commit)
    event = {
        "action": "created",
        "issue": {"number": NUMBER, "pull_request": {}},
        "comment": {"id": asked.id, "body": asked.body, "user": {"login": AUTHOR, "type": "User"}},
    }
    world.step(run, event, "command")
    world.keep_runs(run)


def _said(world: World) -> tuple[Comment, ...]:
    """Our comments that are not folded away."""
    login = world.forge.login()
    return tuple(c for c in world.forge.comments(NUMBER) if c.author == login and not c.minimized)


def _statuses(world: World, commit: str) -> tuple[Status, ...]:
    return tuple(sorted(world.forge.statuses(commit), key=lambda status: status.context))


def _run_id(world: World) -> str:
    return next((world.checkout / ".runner").glob("*/plan.json")).parent.name
