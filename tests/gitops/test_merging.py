"""`runner github merge`, the real command, in real repositories with the embedded forge."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runner.clock import SystemClock
from runner.forges.files import FileForge
from runner.gitops.merge import lost
from runner.gitops.plan import digests
from runner.ports import PullRequest, RepositoryFacts, Status, WorkflowRun
from runner.stores.directory import is_live
from tests.forge_worlds import PLAN
from tests.gitops.merged_pulls import merged_pull, reviewed
from tests.histories import HERE, Repository
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.slow

TOKEN = "ghs_SECRETSECRETSECRET"


@dataclass
class World:
    """A repository, its forge, and a step of its merge workflow."""

    folder: Path
    repository: Repository
    forge: FileForge
    runs: int = 0

    def pull(self, number: int, merge_commit: str, base: str) -> PullRequest:
        pull = merged_pull(number, merge_commit, base)
        self.forge.put_pull(pull)
        return pull

    def review(self, pull: PullRequest, *sources: str) -> str:
        """The status that the plan of this pull request has, made from what was merged."""
        made = reviewed(self.repository.folder, *sources)
        self.forge.set_status(pull.head_commit, made)
        return digests.digest_in(made.description) or ""

    def pushed(self, before: str) -> dict[str, Any]:
        return {
            "ref": "refs/heads/main",
            "before": before,
            "after": self.repository.head,
            "repository": {"default_branch": "main"},
        }

    def push(self, before: str, **event: Any) -> subprocess.CompletedProcess[str]:
        return self.step("push", self.pushed(before) | event, "merge")

    def step(
        self, event: str, payload: dict[str, Any], *words: str, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        process = self.begin(event, payload, *words, **environ)
        try:
            said, errors = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        assert "Traceback" not in errors, errors
        return subprocess.CompletedProcess(process.args, process.returncode, said, errors)

    def begin(
        self, event: str, payload: dict[str, Any], *words: str, **environ: str
    ) -> subprocess.Popen[str]:
        self.runs += 1
        path = self.folder / f"event-{self.runs}.json"
        path.write_text(json.dumps(payload))
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "runner", "github", *words],
            cwd=self.repository.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "GITHUB_ACTIONS": "true",
                "GITHUB_TOKEN": TOKEN,
                "GITHUB_API_URL": (self.folder / "forge").as_uri(),
                "GITHUB_EVENT_NAME": event,
                "GITHUB_EVENT_PATH": str(path),
                "GITHUB_REPOSITORY": "ann/queues",
                "GITHUB_SHA": self.repository.head,
                "GITHUB_REF": "refs/heads/main",
                "GITHUB_RUN_ID": str(self.runs),
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
                "GITHUB_OUTPUT": str(self.folder / "output"),
                "GITHUB_ENV": str(self.folder / "env"),
            }
            | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def statuses(self, commit: str) -> dict[str, tuple[str, str]]:
        return {s.context: (s.state, s.description) for s in self.forge.statuses(commit)}

    def summary(self) -> str:
        return (self.folder / "summary.md").read_text()

    def runs_here(self) -> list[str]:
        return sorted(path.parent.name for path in (self.repository.folder / ".runner").glob("*/plan.json"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    forge = FileForge(tmp_path / "forge", clock=SystemClock())
    forge.put_repository(RepositoryFacts(id=HERE, full_name="ann/queues", default_branch="main"))
    repository = Repository(tmp_path / "checkout")
    repository.commit({"README.md": "queues\n", ".gitignore": ".runner/\n"})
    return World(tmp_path, repository, forge)


def queue(command: str = "echo hello", **fields: Any) -> str:
    return json.dumps({**fields, "jobs": [{"job_id": "a", "command": command}]})


def merged(world: World, files: dict[str, str], number: int = 7) -> tuple[str, PullRequest]:
    """(where the branch was, the pull request that was squashed into it)."""
    before = world.repository.head
    after = world.repository.commit(files, f"Add a queue (#{number})")
    return before, world.pull(number, after, before)


def test_what_was_reviewed_runs_and_is_shown(world: World) -> None:
    before, pull = merged(world, {"queues/q.yaml": queue()})
    world.review(pull, "queues/q.yaml")
    done = world.push(before)
    assert done.returncode == 0, done.stderr
    shown = world.statuses(pull.merge_commit)
    assert {name: state for name, (state, _) in shown.items()} == {
        "runner/q": "success",
        "runner/q/a": "success",
    }
    assert world.statuses(pull.head_commit)["runner/q"][0] == "success"
    bodies = [comment.body for comment in world.forge.comments(7)]
    assert [body.splitlines()[0].split()[1] for body in bodies][-1] == "runner:final"
    assert "succeeded" in world.summary()
    assert len(world.runs_here()) == 1


def test_what_was_not_reviewed_does_not_run(world: World) -> None:
    before, pull = merged(world, {"queues/q.yaml": queue("touch ran")})
    done = world.push(before)
    assert done.returncode == 0, done.stderr
    assert world.statuses(pull.merge_commit) == {
        "runner/q": ("error", "Not started: no plan of it was reviewed")
    }
    (comment,) = world.forge.comments(7)
    assert "\n```\n/runner run sha256:" in comment.body
    assert f"no plan of commit `{pull.head_commit[:12]}`" in comment.body
    assert not world.runs_here()
    assert not (world.repository.folder / "ran").exists()


def test_what_differs_from_its_review_does_not_run(world: World) -> None:
    before, pull = merged(world, {"queues/q.yaml": queue()})
    digest = world.review(pull, "queues/q.yaml")
    after = world.repository.commit({"queues/q.yaml": queue("touch ran")})
    world.pull(7, after, before)
    world.push(before)
    assert "not the plan that was reviewed" in world.statuses(after)["runner/q"][1]
    (comment,) = world.forge.comments(7)
    assert f"plan `{digest}` of commit `{pull.head_commit[:12]}`" in comment.body
    assert f"of commit `{after[:12]}`" in comment.body
    assert not world.runs_here()


def test_a_review_by_anybody_else_is_none(world: World) -> None:
    before, pull = merged(world, {"queues/q.yaml": queue()})
    other = FileForge(world.folder / "forge", clock=SystemClock(), login="mallory")
    replace(world, forge=other).review(pull, "queues/q.yaml")
    world.push(before)
    assert world.statuses(pull.merge_commit)["runner/q"][0] == "error"


def test_policy_is_that_of_the_commit_before(world: World) -> None:
    world.repository.commit({".github/runner.yaml": "policy: {environment: [GOOD]}\n"})
    lax = "policy: {require_digest: false, environment: [GOOD, EVIL]}\n"
    text = json.dumps({"jobs": [{"job_id": "a", "command": "true", "environment": {"X": "${EVIL}"}}]})
    before, pull = merged(world, {".github/runner.yaml": lax, "queues/q.yaml": text})
    world.review(pull, "queues/q.yaml")
    world.push(before)
    assert "policy.environment" in world.statuses(pull.merge_commit)["runner/q"][1]


def test_a_direct_push_runs_with_statuses_and_a_summary_only(world: World) -> None:
    before = world.repository.head
    after = world.repository.commit({"queues/q.yaml": queue()})
    world.push(before)
    assert world.statuses(after)["runner/q"][0] == "success"
    assert "succeeded" in world.summary()


def test_a_broken_file_says_so(world: World) -> None:
    before, pull = merged(world, {"queues/q.yaml": "jobs: []\n", "queues/p.yaml": queue()})
    done = world.push(before)
    assert done.returncode == 0
    shown = world.statuses(pull.merge_commit)
    assert shown["runner/q"] == ("error", "Not started: the file has errors")
    assert shown["runner/p"][0] == "error"
    assert not world.runs_here()


def test_queues_that_wait_for_somebody_are_left_alone(world: World) -> None:
    before = world.repository.head
    after = world.repository.commit({"queues/q.yaml": queue(run_on="manual")})
    done = world.push(before)
    assert "runs only by hand" in done.stderr
    assert world.statuses(after) == {}


def test_a_queue_by_hand_that_needs_params_holds_nobody_up(world: World) -> None:
    params = {"name": {"type": "string"}}
    before, pull = merged(
        world,
        {
            "queues/p.yaml": queue("echo ${{ params.name }}", params=params, run_on="manual"),
            "queues/q.yaml": queue(),
        },
    )
    world.review(pull, "queues/q.yaml")
    done = world.push(before)
    assert "runs only by hand" in done.stderr
    assert world.statuses(pull.merge_commit)["runner/q"][0] == "success"
    payload = {"inputs": {"queue": "queues/p.yaml"}}
    world.step("workflow_dispatch", payload, "merge")
    assert world.statuses(pull.merge_commit)["runner/p"] == ("error", "Not started: it needs params: name")


def test_no_more_start_than_the_policy_allows(world: World) -> None:
    before = world.repository.commit({".github/runner.yaml": "policy: {max_launches: 1}\n"})
    after = world.repository.commit({f"queues/{name}.yaml": queue() for name in "abc"})
    done = world.push(before)
    assert len(world.runs_here()) == 1
    assert done.stderr.count("at most 1") == 2
    assert "runner/b" not in world.statuses(after)


def test_a_job_has_neither_the_token_nor_the_doors_of_actions(world: World) -> None:
    before = world.repository.head
    world.repository.commit({"queues/q.yaml": queue("env > seen")})
    assert world.push(before).returncode == 0
    seen = (world.repository.folder / "seen").read_text()
    assert TOKEN not in seen
    for name in ("GITHUB_TOKEN", "GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        assert f"{name}=" not in seen
    assert "RUNNER_JOB_ID=a" in seen


def test_the_same_merge_is_the_same_run(world: World) -> None:
    before = world.repository.head
    world.repository.commit({"queues/q.yaml": queue("echo once >> ran")})
    world.push(before)
    (first,) = world.runs_here()
    assert world.push(before).returncode == 0
    assert world.runs_here() == [first]
    assert (world.repository.folder / "ran").read_text() == "once\n"


def test_a_merge_that_is_killed_goes_on_when_it_is_run_again(world: World) -> None:
    before = world.repository.head
    command = "echo begun >> ran; until [ -e go ]; do sleep 0.02; done; echo ended >> ran"
    after = world.repository.commit({"queues/q.yaml": queue(command)})
    ran = world.repository.folder / "ran"
    step = world.begin("push", world.pushed(before), "merge")
    until(ran.exists)
    step.kill()
    step.communicate()
    (run_id,) = world.runs_here()
    # The agent ends its job when its parent dies; that one must not go on to its end.
    until(lambda: not is_live(world.repository.folder / ".runner" / run_id))
    (world.repository.folder / "go").touch()
    assert world.push(before).returncode == 0
    assert world.statuses(after)["runner/q"][0] == "success"
    assert len(world.runs_here()) == 1
    assert ran.read_text() == "begun\nbegun\nended\n"


def test_a_merge_that_goes_on_elsewhere_finds_result_files(world: World) -> None:
    before, folder = world.repository.head, world.repository.folder
    wait = "touch ran; until [ -e go ]; do sleep 0.02; done; cat rows.csv > model"
    jobs = [
        {"job_id": "fetch", "command": "seq 5 > rows.csv", "result_files": ["rows.csv"]},
        {"job_id": "train", "command": wait, "depends_on": ["fetch"]},
    ]
    after = world.repository.commit({"queues/q.yaml": json.dumps({"jobs": jobs})})
    step = world.begin("push", world.pushed(before), "merge")
    until((folder / "ran").exists)
    step.terminate()
    step.communicate(timeout=PATIENCE)
    world.forge.put_workflow_run(merge_run(world, after, conclusion=""))
    world.forge.put_artifact("runner-runs", zipped(folder / ".runner"), run_id=world.runs)
    shutil.rmtree(folder / ".runner")
    (folder / "rows.csv").unlink()
    (folder / "go").touch()
    done = world.step("push", world.pushed(before), "merge", GITHUB_RUN_ID=str(world.runs))
    assert world.statuses(after)["runner/q"][0] == "success", done.stderr
    assert (folder / "model").read_text() == "1\n2\n3\n4\n5\n"


def merge_run(world: World, commit: str, conclusion: str = "success") -> WorkflowRun:
    """The newest that was begun here."""
    return dataclasses.replace(
        PLAN,
        id=world.runs,
        workflow=".github/workflows/runner-merge.yaml",
        event="push",
        branch="main",
        commit=commit,
        conclusion=conclusion,
        repository=HERE,
        head_repository=HERE,
    )


def zipped(home: Path) -> bytes:
    """The runs in it, as an artifact has them."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for path in sorted(home.glob("q-*/**/*")):
            if path.is_file():
                archive.write(path, path.relative_to(home))
    return kept.getvalue()


def test_a_merge_that_is_cancelled_shows_what_can_be_resumed(world: World) -> None:
    before = world.repository.head
    after = world.repository.commit({"queues/q.yaml": queue("touch ran; sleep 600")})
    step = world.begin("push", world.pushed(before), "merge")
    until((world.repository.folder / "ran").exists)
    step.terminate()
    said = step.communicate(timeout=PATIENCE)
    assert step.returncode == 0, said
    state, described = world.statuses(after)["runner/q"]
    assert state == "error"
    assert "can be resumed" in described


def test_a_run_by_hand_takes_params(world: World) -> None:
    params = {"name": {"type": "string"}}
    world.repository.commit({"queues/q.yaml": queue("echo ${{ params.name | q }} > said", params=params)})
    payload = {"inputs": {"queue": "queues/q.yaml", "params": "name=ada"}}
    done = world.step("workflow_dispatch", payload, "merge")
    assert done.returncode == 0, done.stderr
    assert (world.repository.folder / "said").read_text() == "ada\n"


def test_a_run_by_hand_takes_the_default_branch_only(world: World) -> None:
    world.repository.commit({"queues/q.yaml": queue()})
    payload = {"inputs": {"queue": "queues/q.yaml"}}
    done = world.step("workflow_dispatch", payload, "merge", GITHUB_REF="refs/heads/evil")
    assert done.returncode == 1
    assert not world.runs_here()


def test_a_run_goes_on_in_the_tree_of_its_own_commit(world: World) -> None:
    before = world.repository.head
    first = world.repository.commit({"queues/q.yaml": queue("cat which"), "which": "first\n"})
    world.repository.commit({"which": "second\n"})
    world.push(before)
    assert world.statuses(first)["runner/q"][0] == "success"
    (name,) = world.runs_here()
    log = world.repository.folder / ".runner" / name / "jobs/a/1/stdout.log"
    assert log.read_text() == "first\n"


def test_nothing_to_run_says_why(world: World) -> None:
    before = world.repository.head
    world.repository.commit({"README.md": "more\n"})
    done = world.push(before)
    assert done.returncode == 0
    assert "no queue file" in done.stderr


@pytest.mark.parametrize(("state", "described"), [("error", lost.WORDS), ("pending", "Running")])
def test_a_run_of_which_nothing_was_kept_starts_again(world: World, state: str, described: str) -> None:
    before = world.repository.head
    after = world.repository.commit({"queues/q.yaml": queue("touch ran")})
    page = "https://github.com/ann/queues/actions/runs/99"
    world.forge.set_status(after, Status(context="runner/q", state=state, description=described, target=page))
    world.push(before)
    assert world.statuses(after)["runner/q"][0] == "success"


def test_a_run_that_is_over_does_not_start_again(world: World) -> None:
    before = world.repository.head
    after = world.repository.commit({"queues/q.yaml": queue("touch ran")})
    world.forge.set_status(after, Status(context="runner/q", state="failure", description="Failed"))
    done = world.push(before)
    assert "is over, and its files are no longer kept" in done.stderr
    assert not (world.repository.folder / "ran").exists()


def test_the_result_stands_beside_what_the_last_run_took(world: World) -> None:
    before = world.repository.head
    first = world.repository.commit({"queues/q.yaml": queue()})
    world.push(before)
    run = merge_run(world, first)
    world.forge.put_workflow_run(run)
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for path in (world.repository.folder / ".runner").glob("q-*/report.json"):
            archive.writestr(
                f"{path.parent.name}/report.json",
                json.dumps(json.loads(path.read_text()) | {"seconds": 754.0}),
            )
    world.forge.put_artifact("runner-runs", kept.getvalue(), run_id=run.id)
    world.repository.commit({"queues/q.yaml": queue("echo other")})
    world.push(first)
    assert "12m34s" in world.summary()


def test_a_comment_cancels_what_runs_on_another_machine(world: World) -> None:
    """The one who runs it looks at the comments every fifteen seconds."""
    before, pull = merged(world, {"queues/q.yaml": queue("touch ran; sleep 600")})
    world.review(pull, "queues/q.yaml")
    world.forge.put_person("ada", "write")
    live = dataclasses.replace(
        PLAN,
        id=1,
        workflow=".github/workflows/runner-merge.yaml",
        event="push",
        branch="main",
        commit=pull.merge_commit,
        conclusion="",
        repository=HERE,
        head_repository=HERE,
    )
    world.forge.put_workflow_run(live)
    merge = world.begin("push", world.pushed(before), "merge")
    until((world.repository.folder / "ran").exists)
    until(lambda: "runner/q" in world.statuses(pull.merge_commit))
    (run_id,) = world.runs_here()
    asked = world.forge.put_comment(7, f"/runner cancel {run_id}", author="ada")
    event = {
        "action": "created",
        "issue": {"number": 7, "pull_request": {}},
        "comment": {"id": asked.id, "body": asked.body, "user": {"login": "ada", "type": "User"}},
    }
    assert world.step("issue_comment", event, "command").returncode == 0
    said = merge.communicate(timeout=PATIENCE)
    assert merge.returncode == 0, said
    assert "is cancelled by ada" in said[1]
    assert world.statuses(pull.merge_commit)["runner/q"][0] == "error"
    assert "ancelled" in world.statuses(pull.merge_commit)["runner/q"][1]
