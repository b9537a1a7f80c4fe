"""A repository with a pull request, as GitHub checks it out for its workflows."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.gitops.context import Context
from runner.gitops.payload import PullEvent
from tests.repositories import QUIET, git, repository

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
    fresh = {"README.md": "A lab\n", **(base or {})}
    stream = b"".join(
        (
            _commit("main", "Base", fresh),
            _commit("topic", "Change", change, "from refs/heads/main"),
            _commit("merge", "Merge", change, "from refs/heads/main", "merge refs/heads/topic"),
        )
    )
    words = ["git", "-C", str(folder), "fast-import", "--quiet"]
    subprocess.run(words, input=stream, check=True, env=os.environ | QUIET, timeout=30)
    git(folder, "switch", "-q", "--detach", "merge")
    first, head, merge = git(folder, "rev-parse", "main", "topic", "merge").split()
    return Checkout(folder=folder, base=first, head=head, merge=merge, summary=tmp_path / "summary.md")


def _commit(branch: str, message: str, files: Mapping[str, str | None], *parents: str) -> bytes:
    """One commit for `git fast-import`, which makes all of them in one process."""
    lines = [f"commit refs/heads/{branch}", "committer Ann <ann@example.com> 1800000000 +0000"]
    made = "\n".join([*lines, f"data {len(message)}", message, *parents]).encode() + b"\n"
    for name, text in files.items():
        path = '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        if text is None:
            made += f"D {path}\n".encode()
        else:
            raw = text.encode()
            made += f"M 100644 inline {path}\ndata {len(raw)}\n".encode() + raw + b"\n"
    return made + b"\n"


def shallow(made: Checkout, tmp_path: Path, depth: int) -> Checkout:
    """The same, as `actions/checkout` has it with this `fetch-depth`."""
    target = tmp_path / f"depth-{depth}"
    shutil.rmtree(target, ignore_errors=True)
    git(
        tmp_path, "clone", "-q", "--depth", str(depth), "--branch", "merge", made.folder.as_uri(), str(target)
    )
    return Checkout(folder=target, base=made.base, head=made.head, merge=made.merge, summary=made.summary)
