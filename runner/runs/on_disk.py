"""A run in a directory of this machine, to be read."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from runner.errors import NotFoundError, StoreError
from runner.stores import directory as stores
from runner.stores.disk import open_regular

_CHUNK = 1 << 20
_PACE = 0.1
Item = TypeVar("Item")
Result = TypeVar("Result")


class DirectorySource:
    """Holds no lock and no open file."""

    pace = _PACE

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files = DirectoryFiles(directory)
        self.planned_at = 0.0
        self._offset = 0

    def __str__(self) -> str:
        return str(self.directory)

    def again(self) -> DirectorySource:
        return DirectorySource(self.directory)

    def plan_bytes(self) -> bytes:
        path = self.directory / stores.PLAN
        try:
            with open_regular(path) as file:
                self.planned_at = os.fstat(file.fileno()).st_mtime
                return file.read()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFoundError(
                f"{self.directory} is not the directory of a run: it has no plan.json",
                hint="list the runs: runner runs",
            ) from error
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error

    def run_id(self) -> str:
        """As the log's first line says; before there is one, as the lease does, or the directory's name."""
        for name in (stores.LOG, stores.LEASE):
            try:
                with open_regular(self.directory / name) as file:
                    return str(json.loads(file.readline(65536))["run_id"])
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                continue
        return self.directory.resolve().name

    def fresh(self) -> bytes:
        path = self.directory / stores.LOG
        try:
            with open_regular(path) as log:
                log.seek(self._offset)
                found = log.read()
        except FileNotFoundError:  # the plan is in place before the log exists
            return b""
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error
        whole = found[: found.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole

    def left(self) -> bytes:
        return b""

    def is_live(self) -> bool:
        return stores.is_live(self.directory)

    def report(self) -> str:
        report = self.directory / "report.md"
        try:
            fresh = report.stat().st_mtime_ns >= (self.directory / stores.LOG).stat().st_mtime_ns
        except OSError:
            return ""
        return str(report) if fresh else ""

    def request(self, body: Mapping[str, Any], name: str = "") -> None:
        stores.request(self.directory, body, name or f"{time.time_ns()}-{secrets.token_hex(4)}")


class DirectoryFiles:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def end(self, name: str, most: int) -> bytes:
        try:
            with open_regular(self._directory / name) as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(max(0, size - most))
                return file.read(most)
        except OSError:
            return b""

    def read(self, name: str, most: int = -1) -> bytes:
        with open_regular(self._directory / name) as file:
            return file.read(most)

    def pieces(self, name: str, offset: int) -> Iterator[tuple[int, bytes]]:
        with open_regular(self._directory / name) as file:
            file.seek(offset)
            while chunk := file.read(_CHUNK):
                yield offset, chunk
                offset += len(chunk)

    def sizes(self, folder: str) -> Callable[[str], int | None]:  # noqa: ARG002  each name is looked at alone
        return self._size

    def _size(self, name: str) -> int | None:
        try:
            found = (self._directory / name).stat()
        except OSError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def is_inside(self, folder: str, name: str) -> bool:
        """What a job left in its results may point anywhere."""
        parts = PurePosixPath(name).parts
        root = os.path.realpath(self._directory / folder)
        real = os.path.realpath(self._directory / folder / name)
        return bool(parts) and ".." not in parts and real.startswith(f"{root}/")

    def fetch(self, name: str, part: Path, progress: Callable[[int], object]) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        with open_regular(self._directory / name) as reading, part.open("wb") as writing:
            while chunk := reading.read(_CHUNK):
                writing.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                progress(len(chunk))
            part.chmod(os.fstat(reading.fileno()).st_mode & 0o777 | 0o600)
        return digest.hexdigest(), size

    def each(self, question: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        return map(question, items)
