"""A repository that strangers send pull requests to, its workflows' steps, and everything that these say.

Each step is the real command. The token in its environment is a canary, and so are commands that would leave
a file behind.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.clock import SystemClock
from runner.demo.world import REPOSITORY, REPOSITORY_ID, World
from runner.gitops.artifacts.kept import ARTIFACT
from runner.ports import Comment, PullRequest, Status, WorkflowRun
from tests.waiting import PATIENCE

KEEP = Path(__file__).parents[1] / ".github/actions/runner/keep.py"
TOKEN = "ghs_CANARYcanaryCANARYcanary0123456789ab"
SECRET = "s3cr3t+/canary=value&more?yes"
"""With characters that base64 and URLs write in other ways."""
FORK = 666
SERVER = "https://forge.test"
MALLORY = "mallory"
PWNED = "PWNED"
"""What a command leaves behind that should not have run, wherever it ran."""

MARKER = '<!-- runner:plan {"generation":99999999999,"subject":"7"} -->'
TEXTS = (
    "@everyone @octo/admins",
    "fixes #1, owner/repo#1, GH-1, https://evil.test/x",
    "<img src=x onerror=alert(1)> <script>alert(1)</script>",
    "</details></code></pre><h1>LGTM</h1>",
    "![](https://evil.test/pixel.png) [approve](https://evil.test)",
    MARKER,
    "-->",
    f"$(touch {PWNED}) `touch {PWNED}` ; touch {PWNED}",
    "::error::pwned",
    "%0A::set-output name=allowed::true",
    "##[set-output name=allowed;]true",
    "##[add-matcher]/tmp/x",
    "a\u202eb\u2066c\u200bd\u200fe\ufeff",
    "``` `` ` ~~~ | a | b |\\|",
    "{{ 7*7 }} {% raw %} ${{ github.token }}",
    "\x1b]0;title\x07\x1b[2J\x08\x7f",
    "x\r::error::carriage\n::error::line\n\n# heading\n- [ ] task\n> quote",
    "$x^2$ :tada: 0123456789abcdef0123456789abcdef01234567",
    "/runner run sha256:" + "0" * 64,
    "\u2028::error::separator\u0085::error::next",
)
ALL = "\n".join(TEXTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a step wrote, and where. `files` are those by which a step speaks to Actions."""

    name: str
    exit_code: int
    stdout: str
    stderr: str
    summary: str
    outputs: str
    env: str

    @property
    def log(self) -> str:
        return self.stdout + self.stderr


@dataclass(slots=True)
class HostileWorld(World):
    """`artifact` is where the plan's side puts its file, and the comment's side finds it."""

    steps: list[Step] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    prefix: Sequence[str] = ()
    token: bool = True

    @property
    def artifact(self) -> Path:
        return self.folder / "artifact"

    @property
    def door(self) -> Path:
        return self.folder / "env"

    def open_pull(self, number: int, title: str, branch: str, **fields: Any) -> PullRequest:
        """As it is found, but for `fields`."""
        pull = PullRequest(
            number=number,
            title=title,
            author=MALLORY,
            is_open=True,
            head_commit=self.git("rev-parse", "--verify", f"refs/heads/{branch}"),
            head_branch=branch,
            head_repository=REPOSITORY_ID,
            base_branch="main",
            base_commit=self.git("rev-parse", "main"),
            base_repository=REPOSITORY_ID,
        )
        pull = replace(pull, **fields)
        self.forge.put_pull(pull)
        return pull

    def step(self, run: WorkflowRun, payload: Mapping[str, Any], *words: str) -> int:
        event = self.folder / f"event-{run.id}.json"
        event.write_text(json.dumps(payload), encoding="utf-8")
        done = subprocess.run(
            [*self.prefix, sys.executable, "-I", "-m", "runner", "github", *words],
            cwd=self.checkout,
            env=self._environ(run, event) | self._doors(run, words[0]) | self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        self.forge.put_workflow_run(replace(run, conclusion="success"))
        made = Step(
            name=words[0],
            exit_code=done.returncode,
            stdout=done.stdout.decode(),
            stderr=done.stderr.decode(),
            summary=_text(self.folder / f"summary-{run.id}.md"),
            outputs=_text(self.folder / f"output-{run.id}"),
            env=_text(self.door),
        )
        self.steps.append(made)
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done.returncode

    def _doors(self, run: WorkflowRun, verb: str) -> dict[str, str]:
        """The plan's step has no token. The files of a step lie where a job can guess."""
        doors = {"GITHUB_SERVER_URL": SERVER, "GITHUB_ENV": str(self.door), "GITHUB_PATH": str(self.door)}
        secret = {"CANARY": SECRET}
        return (
            doors | secret if verb == "plan" or not self.token else doors | secret | {"GITHUB_TOKEN": TOKEN}
        )

    def plan(self, pull: PullRequest) -> int:
        """The plan's workflow, in the merge of the pull request, with its code all around."""
        merge = self.merge_ref(pull)
        run = self.workflow("plan", "pull_request", merge, pull.head_branch)
        run = replace(run, commit=merge, head_repository=pull.head_repository)
        side = {"sha": pull.head_commit, "ref": pull.head_branch, "repo": {"id": pull.head_repository}}
        base = {"sha": pull.base_commit, "ref": "main", "repo": {"id": REPOSITORY_ID}}
        request = {"title": pull.title, "body": ALL, "head": side, "base": base}
        event = {"action": "opened", "number": pull.number, "pull_request": request}
        return self.step(run, event, "plan", "--output", str(self.artifact))

    def comment(self, pull: PullRequest, **event: Any) -> int:
        """The comment's workflow, in the default branch."""
        self.git("checkout", "--quiet", "--force", "main")
        follower = self.workflow("comment", "workflow_run", pull.base_commit)
        return self.step(follower, plan_completed(pull, **event), "comment", "--input", str(self.artifact))

    def merge(self, pull: PullRequest) -> int:
        run = self.workflow("merge", "push", pull.merge_commit)
        event = {
            "ref": "refs/heads/main",
            "before": pull.base_commit,
            "after": pull.merge_commit,
            "repository": {"default_branch": "main"},
        }
        code = self.step(run, event, "merge")
        self.keep_runs(run)
        return code

    def squash(self, pull: PullRequest) -> PullRequest:
        """With a title that may be anything."""
        self.git("checkout", "--quiet", "--force", "main")
        self.git("merge", "--quiet", "--squash", pull.head_commit)
        message = f"{pull.title} (#{pull.number})"
        self.git("commit", "--quiet", "--cleanup=verbatim", "--allow-empty", "--message", message)
        merged = replace(
            pull, is_open=False, merge_commit=self.git("rev-parse", "HEAD"), merged_at=self.clock.now()
        )
        self.forge.put_pull(merged)
        return merged

    def keep_runs(self, run: WorkflowRun) -> None:
        """As the workflow does, with its own script."""
        kept, packed = self.folder / f"kept-{run.id}", io.BytesIO()
        words = [sys.executable, "-I", KEEP, self.checkout / ".runner", kept]
        subprocess.run(words, check=True, capture_output=True, timeout=60)
        with zipfile.ZipFile(packed, "w") as archive:
            for path in sorted(p for p in kept.rglob("*") if p.is_file()):
                archive.write(path, path.relative_to(kept))
        self.forge.put_artifact(ARTIFACT, packed.getvalue(), run_id=run.id)

    def command(self, asked: Comment, *words: str, author: str = "", **comment: Any) -> int:
        run = self.workflow("command", "issue_comment", self.git("rev-parse", "main"))
        said = {"id": asked.id, "body": asked.body, "user": {"login": author or asked.author, "type": "User"}}
        event = {
            "action": "created",
            "issue": {"number": asked.pull, "pull_request": {}},
            "comment": said | comment,
        }
        return self.step(run, event, "command", *words)

    def said(self, number: int) -> list[str]:
        """Everything that we ever left standing there."""
        login = self.forge.login()
        return [one.body for one in self.forge.comments(number) if one.author == login]

    def statuses(self, commit: str) -> dict[str, Status]:
        """The newest of each context."""
        return {status.context: status for status in reversed(self.forge.statuses(commit))}

    def runs_here(self) -> list[Path]:
        return sorted(path.parent for path in (self.checkout / ".runner").glob("*/plan.json"))

    def everything(self) -> dict[str, bytes]:
        """Every file that anybody could read afterwards: the forge's, summaries, outputs, artifacts, logs."""
        found = {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and not path.is_symlink() and ".git/" not in str(path)
        }
        for name, content in list(found.items()):
            if zipfile.is_zipfile(io.BytesIO(content)):
                with zipfile.ZipFile(io.BytesIO(content)) as packed:
                    found |= {f"{name}: {inner}": packed.read(inner) for inner in packed.namelist()}
                del found[name]
        spoken = {f"log {number}, {step.name}": step.log.encode() for number, step in enumerate(self.steps)}
        return found | spoken


def plan_completed(pull: PullRequest, **fields: Any) -> dict[str, Any]:
    """What GitHub says once a plan is there. (Of a fork it names no pull request; files know no forks.)"""
    owner = REPOSITORY.split("/")[0] if pull.head_repository == REPOSITORY_ID else MALLORY
    run = {
        "id": 40 + pull.number,
        "path": ".github/workflows/runner-plan.yaml",
        "event": "pull_request",
        "head_branch": pull.head_branch,
        "head_sha": pull.head_commit,
        "conclusion": "success",
        "run_attempt": 1,
        "html_url": "https://evil.test/",
        "repository": {"id": REPOSITORY_ID, "full_name": REPOSITORY},
        "head_repository": {"id": pull.head_repository, "owner": {"login": owner}},
        "pull_requests": [{"number": pull.number}],
    }
    return {"action": "completed", "workflow_run": run | fields}


def new_world(folder: Path) -> HostileWorld:
    """With a first commit, and a stranger who may read."""
    made = HostileWorld(folder, SystemClock())
    made.forge.put_person(MALLORY, "read")
    made.commit("Begin", {"README.md": "# forecast\n", ".gitignore": ".runner/\n"})
    return made


def workflow_commands(log: str) -> list[str]:
    """The lines of a step's log that the machine of GitHub Actions obeys, as it cuts and trims them."""
    lines = log.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line for line in lines if line.strip().startswith("::") or "##[" in line]


def without_ptrace() -> list[str]:
    """A prefix that makes root like everybody else; nothing for everybody else."""
    return ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
