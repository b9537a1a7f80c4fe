"""Archives that are the same to the byte whenever they are made of the same files."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER = "bundles"
_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A `.tar.gz` on this machine; `sha256` (hexadecimal) is of its bytes, and names it."""

    path: Path
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """Where it is kept, below the account's prefix."""
        return f"{FOLDER}/{self.sha256}.tar.gz"


def pack(members: Iterable[tuple[str, bytes]], target: Path) -> Archive:
    """Plain files by name, with one owner and one time. `target` is replaced. Raises OSError."""
    with target.open("wb") as raw, _gzipped(raw) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in sorted(members):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, 0
            tar.addfile(entry, io.BytesIO(content))
    return described(target)


def compress(tar: Iterable[bytes], target: Path) -> Archive:
    """A tar that somebody else made. Raises OSError."""
    with target.open("wb") as raw, _gzipped(raw) as packed:
        for chunk in tar:
            packed.write(chunk)
    return described(target)


def described(path: Path) -> Archive:
    """Raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Archive(path=path, sha256=digest, size=path.stat().st_size)


def _gzipped(raw: io.BufferedWriter) -> gzip.GzipFile:
    """No name and no time in its head."""
    return gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=_LEVEL, mtime=0)
