"""Histories in real git, the same each time in one process: fixed people and dates, nobody's settings."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from runner.forges.files import FileForge
from runner.ports import PullRequest, RepositoryFacts
from tests.virtual_time import VirtualTime
from tests.waiting import PATIENCE

START = 1_790_000_000
"""When the first commit is made, in seconds since the epoch; each next one is a minute later."""
HERE = 4711
QUEUE = "jobs:\n  - {job_id: a, command: 'true'}\n"
NOTHING = "0" * 40
Files = Mapping[str, str | bytes | None]
"""Contents by path; None deletes."""


class Repository:
    """A checkout with a branch `main`. Methods that commit give the id of the new commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._minutes = itertools.count()
        self._at = START
        if not folder.exists():
            folder.mkdir(parents=True)
            self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str | bytes, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *words],
            cwd=self.folder,
            env=self._environ(),
            input=stdin,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def _environ(self) -> dict[str, str]:
        said = {"NAME": "Ann", "EMAIL": "ann@example.org", "DATE": f"{self._at} +0000"}
        people = {f"GIT_{role}_{key}": said[key] for role in ("AUTHOR", "COMMITTER") for key in said}
        # A run's id comes from its commit, and who goes on with a run ends what is left of it: no two
        # workers have the same.
        people["GIT_COMMITTER_EMAIL"] = f"ann-{os.getpid()}@example.org"
        quiet = {"HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        return people | quiet | {"PATH": os.environ["PATH"]}

    def _tick(self) -> None:
        self._at = START + 60 * next(self._minutes)

    def write(self, files: Files) -> None:
        for name, content in files.items():
            path = self.folder / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Files | None = None, message: str = "Work") -> str:
        """With all that is in the folder now."""
        self.write(files or {})
        self._tick()
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, at: str = "HEAD") -> None:
        self.git("switch", "--quiet", "--create", name, at)

    def switch(self, name: str) -> None:
        self.git("switch", "--quiet", name)

    def merge(self, branch: str) -> str:
        """A merge commit on the current branch, even where none is needed."""
        self._tick()
        self.git("merge", "--quiet", "--no-ff", "--message", f"Merge {branch}", branch)
        return self.head

    def squash(self, branch: str) -> str:
        """All that `branch` changed, as one commit."""
        self.git("merge", "--quiet", "--squash", branch)
        return self.commit(message=f"Squash {branch}")

    def rebase(self, branch: str) -> list[str]:
        """The commits of `branch`, made again on the current branch; their new ids, oldest first."""
        before = self.head
        for one in self.git("rev-list", "--reverse", f"{before}..{branch}").split():
            self._tick()
            self.git("cherry-pick", "--no-commit", one)
            self.git("commit", "--quiet", "--message", "Again")
        return self.git("rev-list", "--reverse", f"{before}..HEAD").split()

    def clone(self, folder: Path, *, depth: int = 0) -> Repository:
        """What a workflow checks out; with a depth a shallow one."""
        options = [f"--depth={depth}"] if depth else []
        self.git("clone", "--quiet", *options, self.folder.absolute().as_uri(), str(folder))
        return Repository(folder)


class Forge(FileForge):
    """Knows, as GitHub does, which request brought a commit that a rebase made: the folder's forge does not.

    `asked` are the commits that it was asked for.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root, clock=VirtualTime())
        self.put_repository(RepositoryFacts(id=HERE, full_name="octo/lab", default_branch="main"))
        self.brought: dict[str, tuple[int, ...]] = {}
        self.asked: list[str] = []

    def pulls_with(self, commit: str) -> list[PullRequest]:
        self.asked.append(commit)
        named = [self.pull(number) for number in self.brought.get(commit, ())]
        return [*super().pulls_with(commit), *named]

    def merged(self, number: int, merge_commit: str, *brought: str, **fields: object) -> PullRequest:
        """A request that was merged as `merge_commit`, and `brought` these other commits to the branch."""
        values: dict[str, object] = {
            "number": number,
            "title": f"Request {number}",
            "author": "ann",
            "is_open": False,
            "head_commit": f"{number:040x}",
            "head_branch": f"topic-{number}",
            "head_repository": HERE,
            "base_branch": "main",
            "base_commit": NOTHING,
            "base_repository": HERE,
            "merge_commit": merge_commit,
            "merged_at": 1_790_000_000.0 + number,
        }
        pull = PullRequest(**{**values, **fields})  # type: ignore[arg-type]
        self.put_pull(pull)
        for commit in brought:
            self.brought[commit] = (*self.brought.get(commit, ()), number)
        return pull
