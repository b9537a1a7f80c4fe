"""Questions to git about a repository; a question without an answer is "" and no error."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SECONDS = 30


def ask(folder: Path, *words: str) -> str:
    """What `git WORDS` says in `folder`, without blanks around it; "" where it fails."""
    return (_run(folder, *words) or b"").decode(errors="replace").strip()


def content(folder: Path, revision: str, path: str) -> bytes | None:
    """A file at a revision; None where it is not there."""
    return _run(folder, "cat-file", "blob", f"{revision}:{path}")


def _run(folder: Path, *words: str) -> bytes | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def uncommitted(folder: Path) -> list[str]:
    """Paths, from the top, of what differs from HEAD or is not in git; a new folder is one, with a slash."""
    said = _run(folder, "status", "--porcelain", "-z", "--no-renames") or b""
    return [entry[3:].decode(errors="replace") for entry in said.split(b"\0") if entry]


def head_of_origin(folder: Path) -> str:
    """The default branch as `origin` said when it was cloned; "" where it was not."""
    said = ask(folder, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    return said.removeprefix("origin/") if said.startswith("origin/") else ""


def default_branch(folder: Path) -> str:
    """The branch that GitHub merges into, as well as it can be known without asking: never ""."""
    said = head_of_origin(folder)
    if said:
        return said
    known = ask(folder, "for-each-ref", "--format=%(refname)", "refs/remotes/origin/", "refs/heads/").split()
    for name in ("main", "master"):
        if {f"refs/remotes/origin/{name}", f"refs/heads/{name}"} & set(known):
            return name
    return ask(folder, "symbolic-ref", "--quiet", "--short", "HEAD") or "main"
