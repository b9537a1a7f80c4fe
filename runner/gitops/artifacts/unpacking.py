"""One folder out of a large ZIP that a stranger may have packed: whole and within bounds, or not at all.

Everything is checked on the archive's list before the first file is written, and counted again on the way.
"""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runner.errors import StoreError

_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_CHUNK = 1 << 20
_DEEPEST = 64
_LONGEST_NAME = 255
_DEFLATE = 1040
"""Nothing that was packed is longer than this times its packed form: a longer one is a lie of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """`files`: entries of the whole archive. Bytes: of all that is unpacked, and of one file."""

    files: int = 200_000
    total: int = 5 * 1024**3
    one: int = 2 * 1024**3


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    parts: tuple[str, ...]
    info: zipfile.ZipInfo


def folders(archive: Path) -> tuple[str, ...]:
    """The names at the archive's top that have something below them."""
    with _opened(archive, BOUNDS) as opened:
        tops = (info.filename.partition("/") for info in opened.infolist())
        return tuple(dict.fromkeys(top for top, slash, rest in tops if top and slash and rest))


def unpack(archive: Path, folder: str, target: Path, bounds: Bounds = BOUNDS) -> None:
    """Everything below `folder/` into the empty directory `target`. Raises StoreError; `target` is then
    half full and to be removed.
    """
    with _opened(archive, bounds) as opened:
        entries = list(_below(opened, folder))
        _check_sizes(entries, archive.stat().st_size, bounds)
        _check_names(entries)
        left = bounds.total
        for entry in entries:
            left -= _write(opened, entry, target, left)


class _Opened(zipfile.ZipFile):
    """An archive whose troubles are StoreErrors."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.close()
        # zipfile speaks of damage in as many ways as there are.
        if isinstance(error, zipfile.BadZipFile | zlib.error | ValueError | OSError | EOFError):
            raise bad(str(error)) from error
        if isinstance(error, KeyError | IndexError | OverflowError | RuntimeError | NotImplementedError):
            raise bad(f"its headers make no sense ({error})") from error


def _opened(archive: Path, bounds: Bounds) -> _Opened:
    try:
        opened = _Opened(archive)
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise bad(str(error)) from error
    if len(opened.infolist()) > bounds.files:
        opened.close()
        raise bad(f"it holds more than {bounds.files:,} files")
    return opened


def _below(opened: zipfile.ZipFile, folder: str) -> Iterator[_Entry]:
    for info in opened.infolist():
        if info.filename.startswith(f"{folder}/"):
            parts = tuple(info.filename.removesuffix("/").split("/"))[1:]
            _check(info, parts)
            if parts:
                yield _Entry(parts=parts, info=info)


def _check(info: zipfile.ZipInfo, parts: tuple[str, ...]) -> None:
    """`orig_filename` is what the archive really says: zipfile ends a name at a NUL byte."""
    name = info.orig_filename
    if "\0" in name or "\\" in name or name != info.filename:
        raise bad(f"it holds a file with a name that is none: {name[:80]!r}")
    if any(part in {"", ".", ".."} or len(os.fsencode(part)) > _LONGEST_NAME for part in parts):
        raise bad(f"it holds a file that is nowhere: {name[:80]!r}")
    if len(parts) > _DEEPEST:
        raise bad(f"it holds a file more than {_DEEPEST} folders deep")
    if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise bad(f"{name[:80]!r} is neither a file nor a folder")
    if info.compress_type not in _METHODS or info.flag_bits & _ENCRYPTED:
        raise bad(f"{name[:80]!r} is packed in a way that is not read here")


def _check_sizes(entries: list[_Entry], packed: int, bounds: Bounds) -> None:
    if sum(entry.info.file_size for entry in entries) > bounds.total:
        raise bad(f"it holds more than {bounds.total:,} bytes")
    for entry in entries:
        info = entry.info
        if info.file_size > bounds.one:
            raise bad(f"{info.filename[:80]!r} has more than {bounds.one:,} bytes")
        if info.file_size > _DEFLATE * info.compress_size + 64:
            raise bad(f"{info.filename[:80]!r} is longer than it can be")
    if sum(entry.info.compress_size for entry in entries) > packed:
        raise bad("its files lie over each other")


def _check_names(entries: list[_Entry]) -> None:
    """Each once, and no file where another has a folder."""
    seen: set[tuple[str, ...]] = set()
    files = set()
    for entry in entries:
        if entry.parts in seen:
            raise bad(f"it holds {entry.info.filename[:80]!r} twice")
        seen.add(entry.parts)
        if not entry.info.is_dir():
            files.add(entry.parts)
    for parts in seen:
        if any(parts[:depth] in files for depth in range(1, len(parts))):
            raise bad(f"it holds a file and a folder of one name: {'/'.join(parts)[:80]!r}")


def _write(opened: zipfile.ZipFile, entry: _Entry, target: Path, left: int) -> int:
    """The number of bytes written."""
    path = target.joinpath(*entry.parts)
    if entry.info.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with os.fdopen(fd, "wb") as writing, opened.open(entry.info) as reading:
        return _copied(reading, writing, min(left, entry.info.file_size))


def _copied(reading: IO[bytes], writing: IO[bytes], most: int) -> int:
    size = 0
    while chunk := reading.read(_CHUNK):
        size += len(chunk)
        if size > most:
            raise bad("it holds more than its list says")
        writing.write(chunk)
    return size


def clear(path: Path) -> None:
    """Remove a directory of ours, or what there is of it."""
    shutil.rmtree(path, ignore_errors=True)


def bad(what: str) -> StoreError:
    return StoreError(f"the archive of the run cannot be unpacked: {what[:200]}", hint="run the queue anew")
