"""A repository whose commits have fixed people and times."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_FIRST = 1_790_000_000
"""The time of the first commit, 2026-09-21; each later one is a minute later."""


class Lab:
    """What GitHub would keep of `octo/lab`. Checkouts are fetched from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = 0
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")

    def git(self, *words: str) -> str:
        when = f"{_FIRST + 60 * self._made} +0000"
        done = subprocess.run(
            ["git", *words],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder.parent),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_AUTHOR_NAME": "Ann",
                "GIT_AUTHOR_EMAIL": "ann@example.com",
                "GIT_AUTHOR_DATE": when,
                "GIT_COMMITTER_NAME": "Ann",
                # A run's id comes from its commit, and who goes on with a run ends what is left of it: no two
                # workers have the same.
                "GIT_COMMITTER_EMAIL": f"ann-{os.getpid()}@example.com",
                "GIT_COMMITTER_DATE": when,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def write(self, files: Mapping[str, str | None]) -> None:
        """None removes a file."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True) if text is None else path.write_text(text)

    def commit(self, message: str, files: Mapping[str, str | None], *, on: str = "main") -> str:
        """A new commit at the end of a branch, which is made where it is not there."""
        if self.git("branch", "--show-current") != on:
            exists = self.git("branch", "--list", on)
            self.git("checkout", "-q", *([] if exists else ["-b"]), on)
        self.write(files)
        self.git("add", "--all")
        self._made += 1
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head(on)

    def head(self, branch: str) -> str:
        return self.git("rev-parse", f"refs/heads/{branch}")

    def merged(self, head: str, message: str, *, into: str) -> str:
        """A merge commit of main and a head, as a branch of its own: what GitHub tries for a pull request."""
        self.git("checkout", "-q", "-B", into, "main")
        self._made += 1
        self.git("merge", "-q", "--no-ff", "-m", message, head)
        return self.head(into)

    def squashed(self, head: str, message: str) -> str:
        """All of a head as one commit on main."""
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--squash", head)
        self._made += 1
        self.git("commit", "-q", "-m", message)
        return self.head("main")

    def forward(self, to: str) -> str:
        """Main moves on to a commit that follows it."""
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--ff-only", to)
        return to

    def parents(self) -> dict[str, tuple[str, ...]]:
        lines = (line.split() for line in self.git("log", "--all", "--format=%H %P").splitlines())
        return {commit: tuple(parents) for commit, *parents in lines}
