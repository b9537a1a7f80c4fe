"""The checkout: the git top level of a folder, else that folder; what git says of it, its older versions."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import NotFoundError, RunnerError
from runner.model import Git

if TYPE_CHECKING:
    from tarfile import TarFile, TarInfo

_SECONDS = 30


def find(start: Path) -> Path:
    """The checkout that `start` is in. Looks at names only: works without git and for any owner."""
    folder = start.resolve()
    for candidate in (folder, *folder.parents):
        mark = candidate / ".git"
        if mark.is_file() or (mark / "HEAD").is_file():
            return candidate
    return folder


def describe(checkout: Path, environ: Mapping[str, str]) -> Git:
    """What `git.*` expressions give here; empty strings where there is no repository, commit or branch."""
    if not (checkout / ".git").exists():
        return Git(actor=environ.get("GITHUB_ACTOR", ""))
    sha = _ask(checkout, "rev-parse", "--verify", "--quiet", "HEAD")
    branch = _ask(checkout, "symbolic-ref", "--quiet", "--short", "HEAD")
    actor = environ.get("GITHUB_ACTOR") or _ask(checkout, "config", "user.name")
    return Git(sha=sha, branch=branch or environ.get("GITHUB_REF_NAME", ""), actor=actor)


def _ask(checkout: Path, *words: str) -> str:
    """The answer of git, or "" where it has none: a missing branch or name is not an error."""
    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), *words], check=False, capture_output=True, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""


def extract(checkout: Path, revision: str, names: Sequence[str], target: Path) -> set[str]:
    """Put `names` (files or folders, relative) as they were at `revision` into `target`; those that existed.

    Raises NotFoundError for a revision that git does not know, RunnerError where git does not answer.
    """
    if not (checkout / ".git").exists():
        raise RunnerError(
            f"{checkout} is not a git repository, so there is no {revision} to compare with",
            hint="leave --base away, or run this inside a repository",
        )
    commit = _ask(checkout, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not commit:
        raise NotFoundError(
            f"git knows no revision {revision!r} in {checkout}",
            hint="name a commit, branch or tag; a shallow clone may need `git fetch` first",
        )
    there = {name for name in names if _ask(checkout, "ls-tree", "--name-only", commit, "--", name)}
    if there:
        _unpack(checkout, commit, sorted(there), target)
    return {name for name in there if (target / name).exists()}


def _unpack(checkout: Path, commit: str, names: Sequence[str], target: Path) -> None:
    # Imported here: every command asks for the checkout, and only --base unpacks one.
    import tarfile  # noqa: PLC0415

    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), "archive", "--format=tar", commit, "--", *names],
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            for member in archive:
                _put(archive, member, target)
    except (OSError, subprocess.SubprocessError, tarfile.TarError) as error:
        raise RunnerError(
            f"git could not give the files of {commit[:12]}: {error}",
            hint="run `git fsck` in the checkout, or leave --base away",
        ) from error


def _put(archive: TarFile, member: TarInfo, target: Path) -> None:
    """One member below `target`, as a file, a folder or a link that stays inside; nothing else is made.

    Checked here, because the first releases of Python 3.11 have no extraction filters.
    """
    place = target / member.name
    if not _is_inside(place, target):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if member.isdir():
        place.mkdir(exist_ok=True)
    elif member.issym() and _is_inside(place.parent / member.linkname, target):
        place.symlink_to(member.linkname)
    elif member.isfile() and (file := archive.extractfile(member)) is not None:
        place.write_bytes(file.read())


def _is_inside(place: Path, target: Path) -> bool:
    """Links that were made before are followed."""
    return Path(os.path.realpath(place)).is_relative_to(os.path.realpath(target))
