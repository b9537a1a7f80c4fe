"""The checkout of a commit as an archive: all its files, as `git archive` gives them, and nothing of git.

Attributes that leave files out of an archive, or change them (`export-ignore`, `export-subst`), are meant
for releases: jobs get what a checkout has. Files in LFS and submodules are not in the commit at all.
"""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.bundle.archive import Archive, compress
from runner.errors import NotFoundError, RunnerError
from runner.problems import shorten

_SECONDS = 600
_CHUNK = 1 << 20
_POINTER = b"version https://git-lfs.github.com/spec/"
_LARGEST_POINTER = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutArchive:
    """`lfs` and `submodules` name what the archive has no content of; sorted."""

    archive: Archive
    commit: str
    lfs: tuple[str, ...] = ()
    submodules: tuple[str, ...] = ()

    def problems(self) -> list[str]:
        """Sentences about what jobs will miss there."""
        return _missed(self.lfs, self.submodules)


@functools.cache
def missed(checkout: Path, commit: str) -> tuple[str, ...]:
    """What `problems` of the archive would say, without making one. `commit` in full. Raises RunnerError."""
    with _plain_repository(checkout) as repository:
        return tuple(_missed(*_not_there(repository, commit)))


def _missed(lfs: tuple[str, ...], submodules: tuple[str, ...]) -> list[str]:
    said = []
    if lfs:
        said.append(
            f"{_listed(lfs)} in Git LFS: a machine gets the pointers, not the files; "
            "fetch them in a job, or keep them elsewhere"
        )
    if submodules:
        said.append(
            f"{_listed(submodules)} is a submodule: a machine gets an empty folder; fetch it in a job"
        )
    return said


def _listed(names: tuple[str, ...]) -> str:
    return shorten(names[0]) + (f" (and {len(names) - 1} more)" if len(names) > 1 else "")


def build(checkout: Path, commit: str, target: Path) -> CheckoutArchive:
    """Archive the commit of the repository that `checkout` is in, whatever lies in its work tree.

    The same bytes for the same commit. Raises NotFoundError for a commit that is not there, RunnerError.
    """
    full = _ask(
        checkout, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}"
    ).strip()
    if not full:
        raise NotFoundError(
            f"git knows no commit {commit} in {checkout}", hint="fetch it: a shallow clone has few commits"
        )
    try:
        with _plain_repository(checkout) as repository:
            lfs, submodules = _not_there(repository, full)
            archive = compress(_tar(repository, full), target)
    except OSError as error:
        raise RunnerError(f"the checkout cannot be packed: {error.strerror or error}") from error
    return CheckoutArchive(archive=archive, commit=full, lfs=lfs, submodules=submodules)


@contextmanager
def _plain_repository(checkout: Path) -> Iterator[Path]:
    """A repository without settings of anybody, over the objects of the given one."""
    objects = _ask(checkout, "rev-parse", "--path-format=absolute", "--git-path", "objects").strip()
    if not objects:
        raise RunnerError(f"{checkout} is not in a git repository", hint="run this in the checkout")
    with tempfile.TemporaryDirectory(prefix="runner-checkout-") as folder:
        repository = Path(folder, "git")
        _run(checkout, "init", "--quiet", "--bare", "--template=", str(repository))
        (repository / "objects" / "info").mkdir(parents=True, exist_ok=True)
        (repository / "objects" / "info" / "alternates").write_text(f"{objects}\n")
        (repository / "info").mkdir(exist_ok=True)
        (repository / "info" / "attributes").write_text("* -export-ignore -export-subst\n")
        yield repository


def _not_there(repository: Path, commit: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(files whose content is in LFS, submodules)."""
    small, submodules = [], []
    for entry in _ask(repository, "ls-tree", "-r", "-z", "--long", commit).split("\0"):
        head, _, name = entry.partition("\t")
        mode, _, blob, size = head.split() if name else ("", "", "", "")
        if mode == "160000":
            submodules.append(name)
        elif size.isdecimal() and len(_POINTER) < int(size) <= _LARGEST_POINTER:
            small.append((blob, name))
    pointers = _pointers(repository, [blob for blob, _ in small])
    return tuple(sorted(name for blob, name in small if blob in pointers)), tuple(sorted(submodules))


def _pointers(repository: Path, blobs: list[str]) -> set[str]:
    """Those of these objects that begin as a pointer does."""
    asked = "".join(f"{blob}\n" for blob in dict.fromkeys(blobs)).encode()
    said = _run(repository, "cat-file", "--batch", put=asked)
    found, at = set(), 0
    while at < len(said):
        end = said.index(b"\n", at)
        blob, _, *size = said[at:end].split()
        if not size:  # a clone without this object, which then cannot be packed either
            at = end + 1
            continue
        if said.startswith(_POINTER, end + 1):
            found.add(blob.decode())
        at = end + 1 + int(size[0]) + 1
    return found


def _tar(repository: Path, commit: str) -> Iterator[bytes]:
    command = ["git", "-c", "tar.umask=0022", "-C", str(repository), "archive", "--format=tar", commit]
    with tempfile.TemporaryFile() as words:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=words, env=_environment()) as git:
            assert git.stdout is not None  # noqa: S101  for the type checker
            while chunk := git.stdout.read(_CHUNK):
                yield chunk
        if git.returncode:
            words.seek(0)
            raise _trouble("archive", words.read(2000))


def _ask(folder: Path, *words: str) -> str:
    """The answer of git, or "" where it has none."""
    try:
        return _run(folder, *words).decode("utf-8", "surrogateescape")
    except RunnerError:
        return ""


def _run(folder: Path, *words: str, put: bytes = b"") -> bytes:
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, input=put, timeout=_SECONDS, env=_environment()
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunnerError(f"git cannot be run: {error}", hint="install git") from error
    if done.returncode:
        raise _trouble(words[0], done.stderr)
    return done.stdout


def _trouble(verb: str, words: bytes) -> RunnerError:
    said = " ".join(words.decode("utf-8", "replace").split())[:300]
    return RunnerError(f"git {verb} failed: {said}", hint="run `git fsck` in the checkout")


def _environment() -> dict[str, str]:
    """Without the settings of whoever runs this: an archive is the same for everybody.

    A checkout of another owner (as in a container of Actions) is read all the same: nothing in it is run.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return own | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "LC_ALL": "C",
    }
