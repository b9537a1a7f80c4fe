"""Records in a folder: each a JSON file, whole or not there, changed by one process at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from runner.errors import ForgeError

Record = TypeVar("Record")


class Folder:
    """`root` is made when something is written. Methods raise ForgeError, with the reason in words."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Nobody else changes anything inside. The lock ends with its process."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _trouble("write", self.root, error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def write(self, name: str, content: bytes) -> None:
        path = self.root / name
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise _trouble("write", path, error) from error

    def put(self, name: str, record: Any) -> None:
        """`record`: a dataclass, or what JSON can hold."""
        found = dataclasses.asdict(record) if dataclasses.is_dataclass(record) else record  # type: ignore[arg-type]
        self.write(name, json.dumps(found, indent=2).encode() + b"\n")

    def read(self, name: str) -> bytes | None:
        """None where there is no such file."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _trouble("read", self.root / name, error) from error

    def get(self, name: str) -> Any:
        """None where there is no such file."""
        raw = self.read(name)
        try:
            return None if raw is None else json.loads(raw)
        except ValueError as error:
            raise self._broken(name) from error

    def record(self, name: str, kind: type[Record]) -> Record | None:
        """The record as its type."""
        found = self.get(name)
        try:
            return None if found is None else kind(**found)
        except TypeError as error:
            raise self._broken(name) from error

    def names(self, pattern: str) -> list[str]:
        """Records that match, as names relative to the folder, in order."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.glob(pattern))

    def next_id(self) -> int:
        """A number that no other record has. Inside `changing`."""
        number = int(self.get("last-id.json") or 0) + 1
        self.put("last-id.json", number)
        return number

    def _broken(self, name: str) -> ForgeError:
        return ForgeError(
            f"{self.root / name} is not what this program writes", hint="remove it, and run again"
        )


def _trouble(what: str, path: Path, error: OSError) -> ForgeError:
    return ForgeError(f"cannot {what} {path}: {error.strerror or error}")
