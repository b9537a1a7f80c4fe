"""A repository with a pull request, as GitHub checks it out for its workflows."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.gitops.context import Context
from runner.gitops.payload import PullEvent
from tests.repositories import commit_all, git, repository

HELLO = """\
queue_id: hello
timeout: 10m
jobs:
  - job_id: greet
    command: echo hello
    timeout: 1m
  - job_id: part
    command: echo bye
    depends_on: [greet]
    timeout: 1m
"""


@dataclass
class Checkout:
    """`base` is the base branch's commit, `head` the request's, `merge` what GitHub made of both."""

    folder: Path
    base: str
    head: str
    merge: str
    summary: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def event(self) -> PullEvent:
        return PullEvent(
            action="synchronize",
            number=7,
            head_commit=self.head,
            head_repository=4711,
            base_commit=self.base,
            base_repository=4711,
            base_branch="main",
        )

    def context(self, event_name: str = "pull_request", **fields: object) -> Context:
        named: dict[str, object] = {
            "event_name": event_name,
            "event_path": self.folder / "event.json",
            "repository": "octo/lab",
            "sha": self.merge,
            "ref": "refs/pull/7/merge",
            "checkout": self.folder,
            "environ": self.environ,
            "run_id": 31,
            "actor": "ann",
            "summary_path": self.summary,
            **fields,
        }
        return Context(**named)  # type: ignore[arg-type]

    def told(self) -> str:
        return self.summary.read_text(encoding="utf-8") if self.summary.exists() else ""


def put(folder: Path, files: Mapping[str, str | None]) -> None:
    """Write these files; None deletes one."""
    for name, text in files.items():
        path = folder / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def pull_request(
    tmp_path: Path, change: Mapping[str, str | None], base: Mapping[str, str | None] | None = None
) -> Checkout:
    """The branch `topic` changes these files of `main`; the merge of both is checked out."""
    folder = repository(tmp_path / "checkout")
    put(folder, {"README.md": "A lab\n", **(base or {})})
    first = commit_all(folder, "Base")
    git(folder, "switch", "-qc", "topic")
    put(folder, change)
    head = commit_all(folder, "Change")
    git(folder, "switch", "-q", "--detach", "main")
    git(folder, "merge", "-q", "--no-ff", "-m", "Merge", "topic")
    merge = git(folder, "rev-parse", "HEAD")
    return Checkout(folder=folder, base=first, head=head, merge=merge, summary=tmp_path / "summary.md")


def shallow(made: Checkout, tmp_path: Path, depth: int) -> Checkout:
    """The same, as `actions/checkout` has it with this `fetch-depth`."""
    git(made.folder, "update-ref", "refs/heads/merge", made.merge)
    target = tmp_path / f"depth-{depth}"
    shutil.rmtree(target, ignore_errors=True)
    git(
        tmp_path, "clone", "-q", "--depth", str(depth), "--branch", "merge", made.folder.as_uri(), str(target)
    )
    return Checkout(folder=target, base=made.base, head=made.head, merge=made.merge, summary=made.summary)
