"""What the history says: which commit follows which, what changed between two, what a file held.

Commits are full ids. All functions raise RunnerError where git cannot answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runner import document
from runner.errors import RunnerError
from runner.gitops.repository.git import ask, commit, text

FILE_MODES = frozenset({"100644", "100755"})
LINK, SUBMODULE = "120000", "160000"
BATCH = 32 * 1024 * 1024
"""Bytes of files that are held at once, where many are read."""
_PLAIN = ("--no-ext-diff", "--no-textconv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file of a commit. `size` in bytes; `blob` is the id of its content."""

    path: str
    mode: str
    blob: str
    size: int = 0

    @property
    def is_file(self) -> bool:
        """Not a link, not a submodule."""
        return self.mode in FILE_MODES


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """`status`: A added, M modified, D deleted, T another kind of thing. A renamed file is deleted and added.

    Modes and blobs are all zeros where there was, or is, nothing.
    """

    status: str
    path: str
    old_mode: str
    mode: str
    old_blob: str
    blob: str

    @property
    def mode_only(self) -> bool:
        return self.old_blob == self.blob and {self.old_mode, self.mode} <= FILE_MODES


def exists(checkout: Path, a: str) -> bool:
    """Whether the commit is in this clone."""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit(a)}^{{commit}}")
    return ask(checkout, *words, codes=(0, 1)).code == 0


def head(checkout: Path) -> str:
    """The commit that is checked out."""
    return text(ask(checkout, "rev-parse", "--verify", "HEAD").output).strip()


def is_shallow(checkout: Path) -> bool:
    """Whether the clone ends somewhere, so that what it does not have may exist all the same."""
    return ask(checkout, "rev-parse", "--is-shallow-repository").output.strip() == b"true"


def is_ancestor(checkout: Path, a: str, b: str) -> bool:
    """Whether `a` is `b` or comes before it. Both have to be there."""
    return ask(checkout, "merge-base", "--is-ancestor", commit(a), commit(b), codes=(0, 1)).code == 0


def commit_time(checkout: Path, a: str) -> float:
    """When it was committed, in seconds since the epoch."""
    found = text(ask(checkout, "rev-list", "--max-count=1", "--timestamp", commit(a), "--").output).split()
    return float(found[0])


def changed_files(checkout: Path, a: str, b: str) -> list[FileChange]:
    """What is different in `b`, whatever happened in between."""
    words = ("diff-tree", "-r", "-z", "--raw", "--no-renames", *_PLAIN, commit(a), commit(b), "--")
    return list(_changes(ask(checkout, *words).output))


def touched(checkout: Path, a: str, path: str, *, most: int) -> list[str]:
    """The newest commits up to `a`, as the branch had them, that changed a file."""
    words = ("rev-list", "--first-parent", f"--max-count={most}", commit(a), "--", path)
    return text(ask(checkout, *words).output).split()


def touching(checkout: Path, a: str, b: str) -> list[tuple[str, frozenset[str]]]:
    """The commits after `a` up to `b` as the branch had them, oldest first, with the files each changed."""
    walk = ("rev-list", "--first-parent", "--parents", "--reverse", commit(b), f"^{commit(a)}", "--")
    lines = [line.split() for line in text(ask(checkout, *walk).output).splitlines()]
    # Given with one parent, a merge is compared with that one only.
    pairs = "".join(f"{' '.join(line[:2])}\n" for line in lines)
    compare = ("diff-tree", "--stdin", "-r", "-z", "--root", "--always", "--name-only", "--no-renames")
    raw = ask(checkout, *compare, *_PLAIN, "--", stdin=pairs.encode()).output
    return _by_commit([line[0] for line in lines], text(raw).split("\0"))


def _by_commit(commits: Sequence[str], names: Sequence[str]) -> list[tuple[str, frozenset[str]]]:
    """Names follow the id of their commit. The ids come in the order asked for, so no name passes for one."""
    found: list[tuple[str, set[str]]] = []
    for name in names:
        if len(found) < len(commits) and name == commits[len(found)]:
            found.append((name, set()))
        elif found and name:
            found[-1][1].add(name)
    return [(a, frozenset(changed)) for a, changed in found]


def listed(checkout: Path, a: str, folder: str = "") -> list[Entry]:
    """All files of a commit, or those below a folder."""
    below = (folder,) if folder else ()
    raw = ask(checkout, "ls-tree", "-r", "-z", "-l", "--full-tree", commit(a), "--", *below).output
    return [_entry(line) for line in raw.split(b"\0") if line]


def entry(checkout: Path, a: str, path: str) -> Entry | None:
    """One file, link or submodule; None where there is nothing with just this path."""
    if not _is_plain(path):
        return None
    words = ("ls-tree", "-z", "-l", "--full-tree", commit(a), "--", path)
    raw = ask(checkout, *words).output
    found = [_entry(line) for line in raw.split(b"\0") if line]
    return next((one for one in found if one.path == path), None)


def show(checkout: Path, a: str, path: str, *, limit: int = document.MAX_BYTES + 1) -> bytes | None:
    """What a file holds at a commit. None where there is no such file, or a link, folder or submodule.

    The limit is one byte more than a document may have, so that `document.parse` says what is wrong.
    """
    found = entry(checkout, a, path)
    if found is None or not found.is_file:
        return None
    if found.size > limit:
        raise RunnerError(
            f"{path!r} at {a[:12]} has {found.size:,} bytes, at most {limit:,} are read",
            hint="make the file smaller",
        )
    return ask(checkout, "cat-file", "blob", found.blob, largest=limit).output


def contents(checkout: Path, entries: Sequence[Entry], *, limit: int) -> Iterator[tuple[Entry, bytes]]:
    """What the files hold, those with more than `limit` bytes left out. One process for many of them."""
    small = [one for one in entries if one.is_file and one.size <= limit]
    for batch in _batches(small, BATCH):
        asked = "".join(f"{one.blob}\n" for one in batch).encode()
        raw, at = ask(checkout, "cat-file", "--batch=%(objectsize)", stdin=asked).output, 0
        for one in batch:
            start = raw.index(b"\n", at) + 1
            at = start + one.size + 1
            yield one, raw[start : at - 1]


def _batches(entries: Sequence[Entry], most: int) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    total = 0
    for one in entries:
        if batch and total + one.size > most:
            yield batch
            batch, total = [], 0
        batch.append(one)
        total += one.size
    if batch:
        yield batch


def _is_plain(path: str) -> bool:
    """Relative, inside, and written in the one way that git writes it."""
    return bool(path) and "\0" not in path and str(PurePosixPath(path)) == path and _stays_inside(path)


def _stays_inside(path: str) -> bool:
    return not path.startswith("/") and not {"..", "."} & set(path.split("/"))


def _entry(line: bytes) -> Entry:
    about, _, name = line.partition(b"\t")
    mode, _, blob, size = text(about).split()
    return Entry(path=text(name), mode=mode, blob=blob, size=int(size) if size.isdigit() else 0)


def _changes(raw: bytes) -> Iterator[FileChange]:
    """`:100644 100644 BLOB BLOB M` and the name, each ended by a zero byte."""
    parts = iter(text(raw).split("\0"))
    for about in parts:
        if about:
            old_mode, mode, old_blob, blob, status = about.removeprefix(":").split()
            yield FileChange(
                status=status[0],
                path=next(parts),
                old_mode=old_mode,
                mode=mode,
                old_blob=old_blob,
                blob=blob,
            )
