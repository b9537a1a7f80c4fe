"""Keeps an attempt's result files: copied with their layout, hashed, listed in `manifest.json`.

Relative patterns count from the job's working directory, `**` crosses folders, a directory means all below
it, an absolute path loses its first `/`. What a relative pattern finds must lie in the checkout, also through
symbolic links. Runs in threads: copying a large model does not hold up the scheduler.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from runner import patterns
from runner.results.reading import OutsideError, freeze, is_inside, open_within
from runner.stores.disk import open_regular, sync_directory, write_atomically

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 32 << 20
"""Bytes; a longer one is read by nobody. That of 100,000 files has about 20 MB."""
_OURS = frozenset({
    errno.EDQUOT, errno.EINTR, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EROFS,
})  # fmt: skip
"""Troubles of the machine. Others are of what a job has left, or still does with it."""
_CHUNK = 1 << 20
_THREADS = 4
_SYNC_EACH = 100  # beyond that many files one sync of the whole system is cheaper than one a file


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What to keep: `patterns` seen from `folder`, into `target` (which may have files already).

    `hidden` are folders that only a pattern that names them reaches. `uid`: of the user that the job was,
    where that is another than ours: no file of anybody else's is kept. `most`: bytes of the manifest.
    """

    handle: str
    job_id: str
    attempt: int
    patterns: tuple[str, ...]
    folder: Path
    checkout: Path
    target: Path
    hidden: frozenset[Path] = frozenset()
    uid: int | None = None
    most: int = LARGEST_MANIFEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """`error` is the job's trouble (a file cannot be read); `broken` is ours (the disk is full)."""

    job_id: str
    attempt: int
    files: int = 0
    bytes: int = 0
    missing: tuple[str, ...] = ()
    error: str = ""
    broken: OSError | None = None


class Collector:
    """Collections in threads. `woken` is called from a thread when one is done; fetch it with `poll`."""

    def __init__(self, woken: Callable[[], None]) -> None:
        self._woken = woken
        self._pool: ThreadPoolExecutor | None = None
        self._pending: set[Future[Collected]] = set()
        self._closing = threading.Event()

    def submit(self, collection: Collection) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="results")
        future = self._pool.submit(collect, collection, self._closing)
        self._pending.add(future)
        future.add_done_callback(lambda _: self._woken())

    def poll(self) -> list[Collected]:
        done = [future for future in self._pending if future.done()]
        self._pending.difference_update(done)
        return [future.result() for future in done]

    def close(self) -> None:
        """What is not done is dropped: a resumed run collects again."""
        self._closing.set()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


def collect(collection: Collection, closing: threading.Event | None = None) -> Collected:
    """Copy, hash, list. Done twice it gives the same. Given up (as `broken`) once `closing` is set."""
    closing = closing or threading.Event()
    try:
        _check_target(collection)
        missing = _copy_all(collection, closing)
        _settle_links(collection, closing)
        _make_room_for_manifest(collection)
        entries = list(_entries(collection.target, closing))
        _make_durable(collection.target, entries)
        made = {"version": 1, "attempt": collection.handle, "files": entries, "missing": missing}
        manifest = json.dumps(made, indent=1).encode() + b"\n"
        if len(manifest) > collection.most:
            raise _UnreadableError(f"{len(entries)} result files are too many to be listed: pack them")
        write_atomically(collection.target / MANIFEST, manifest)
    except _UnreadableError as error:
        return Collected(job_id=collection.job_id, attempt=collection.attempt, error=str(error))
    except OSError as error:
        if error.errno in _OURS or not collection.target.parents[2].is_dir():  # or all of the run is gone
            return Collected(job_id=collection.job_id, attempt=collection.attempt, broken=error)
        said = f"result files cannot be kept: {error.strerror}: {error.filename}"
        return Collected(job_id=collection.job_id, attempt=collection.attempt, error=said)
    return Collected(
        job_id=collection.job_id,
        attempt=collection.attempt,
        files=len(entries),
        bytes=sum(int(entry["size"]) for entry in entries),
        missing=tuple(missing),
    )


class _UnreadableError(Exception):
    """A result file that exists and cannot be kept; the message is for the user."""


def _check_target(collection: Collection) -> None:
    """The folder that the job was given, and nothing that it put in its place. From now on it is ours."""
    target = collection.target
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:  # the job may have removed its own folders, too; not those of the run
        for folder in (target.parents[1], target.parents[0], target):
            folder.mkdir(exist_ok=True)
        return
    if not stat.S_ISDIR(mode):
        raise _UnreadableError("the job has put something else in the place of RUNNER_RESULT_DIR")
    if collection.uid is not None:
        try:
            freeze(target, collection.uid)
        except OutsideError as error:
            raise _UnreadableError(f"result file {error}") from error


def _copy_all(collection: Collection, closing: threading.Event) -> list[str]:
    """Copy what the patterns mean; those that mean nothing."""
    taken: dict[Path, Path] = {}
    missing = []
    for pattern in collection.patterns:
        found = False
        for source, name in _matches(collection, pattern):
            found = True
            other = taken.setdefault(name, source)
            if other != source:
                raise _UnreadableError(f"two result files would be kept as {name}: {other} and {source}")
            roots = () if pattern.startswith("/") else (os.path.realpath(collection.checkout),)
            _copy(source, collection.target / name, collection, closing, roots)
        if not found:
            missing.append(pattern)
    return missing


def _matches(collection: Collection, pattern: str) -> Iterator[tuple[Path, Path]]:
    """(file, the relative name to keep it under) for everything that a pattern means."""
    absolute = pattern.startswith("/")
    root = None if absolute else os.path.realpath(collection.checkout)
    for found in patterns.files(collection.folder, pattern, collection.hidden):
        source = Path(os.path.normpath(found))
        if root is not None and not is_inside(os.path.realpath(found), root):
            raise _UnreadableError(f"result file {pattern} leads out of the checkout")
        name = os.path.relpath(source, "/" if absolute else collection.folder)
        yield source, Path(*[part for part in Path(name).parts if part != ".."])


def _settle_links(collection: Collection, closing: threading.Event) -> None:
    """Links that the job left among its results become the files they lead to."""
    root, own = os.path.realpath(collection.checkout), os.path.realpath(collection.target)
    for path in list(patterns.files(collection.target, "**")):
        if path.is_symlink():
            real = os.path.realpath(path)
            if not is_inside(real, root) and not is_inside(real, own):
                raise _UnreadableError(f"result file {path.name} leads out of the checkout")
            kept = is_inside(real, own)  # then it was checked, and may be a copy of ours
            _copy(
                Path(real), path, replace(collection, uid=None) if kept else collection, closing, (root, own)
            )


def _make_room_for_manifest(collection: Collection) -> None:
    """A job's own `manifest.json` is kept as `manifest.json.1`."""
    path = collection.target / MANIFEST
    try:
        ours = json.loads(path.read_bytes())["attempt"] == collection.handle
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        ours = False
    if not ours:
        path.replace(path.with_name(MANIFEST + ".1"))


def _copy(
    source: Path, target: Path, collection: Collection, closing: threading.Event, roots: Sequence[str]
) -> None:
    """By way of a file beside the target folder, so that a kept file is always whole, whatever its name."""
    part = collection.target.with_name(".storing")
    try:
        reading = open_within(source, roots, collection.uid)
    except OutsideError as error:
        raise _UnreadableError(f"result file {source} {error}") from error
    except OSError as error:
        raise _UnreadableError(f"cannot read result file {source}: {error.strerror}") from error
    with reading:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise _UnreadableError(f"cannot keep {source}: a file is where its folder would be") from error
        try:
            with part.open("wb") as writing:
                while chunk := _read(reading, closing):
                    writing.write(chunk)
        except OSError:
            part.unlink(missing_ok=True)  # the disk is full: the log needs a little of it
            raise
        part.chmod(os.fstat(reading.fileno()).st_mode & 0o777 | 0o600)
    try:
        part.replace(target)
    except IsADirectoryError as error:
        raise _UnreadableError(f"cannot keep {source}: a folder has its place") from error


def _entries(target: Path, closing: threading.Event) -> Iterable[dict[str, str | int]]:
    """Every kept file, sorted by path, with its size and SHA-256."""
    for path in sorted(patterns.files(target, "**")):
        name = str(path.relative_to(target))
        if name == MANIFEST:
            continue
        digest, size = hashlib.sha256(), 0
        with open_regular(path) as file:
            while chunk := _read(file, closing):
                digest.update(chunk)
                size += len(chunk)
        yield {"path": name, "size": size, "sha256": digest.hexdigest()}


def _read(file: BinaryIO, closing: threading.Event) -> bytes:
    if closing.is_set():
        raise InterruptedError(errno.EINTR, "the run was interrupted")
    return file.read(_CHUNK)


def _make_durable(target: Path, entries: list[dict[str, str | int]]) -> None:
    if len(entries) > _SYNC_EACH:
        os.sync()
        return
    for folder in {(target / str(entry["path"])).parent for entry in entries}:
        sync_directory(folder)
    for entry in entries:
        fd = os.open(target / str(entry["path"]), os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
