"""A bucket in memory, as strict about order as the real one, that can be made to fail; and small runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import events as e
from runner.errors import RunnerError
from runner.stores.directory import LOG, REQUESTS
from tests.builders import RUN_ID


@dataclass
class MemoryOutlet:
    """`order` has everything that arrived, in order: names of files, types of events, `beat`."""

    files: dict[str, bytes] = field(default_factory=dict)
    tails: dict[str, bytes] = field(default_factory=dict)
    log: bytes = b""
    order: list[str] = field(default_factory=list)
    segments: int = 0
    looks: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    trouble: Callable[[str, str], RunnerError | None] = lambda _what, _name: None
    held: bytes = b""
    lock: Any = field(default_factory=threading.Lock)

    def write(self, lines: bytes = b"") -> None:
        self.held += lines
        self._check("write", "")
        with self.lock:
            self.segments += bool(self.held)
            self.log += self.held
            self.order += [json.loads(line)["type"] for line in self.held.splitlines()]
            self.held = b""

    def beat(self) -> None:
        self.write()
        with self.lock:
            self.order.append("beat")

    def put(self, name: str, file: Path) -> None:
        self._check("put", name)
        with self.lock:
            self.files[name] = file.read_bytes()
            self.order.append(name.removeprefix("jobs/"))

    def put_tail(self, name: str, file: Path) -> None:
        self._check("tail", name)
        with self.lock:
            self.tails[name] = file.read_bytes()

    def requests(self) -> Sequence[dict[str, Any]]:
        self.looks += 1
        self._check("requests", "")
        given, self.asked = self.asked, []
        return given

    def _check(self, what: str, name: str) -> None:
        error = self.trouble(what, name)
        if error is not None:
            raise error


class LocalRun:
    """A run's directory that is written by hand."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.seq = 0
        (directory / REQUESTS).mkdir(parents=True)

    def append(self, *events: e.Event) -> bytes:
        lines = e.encode_lines(events, RUN_ID, self.seq + 1)
        self.seq += len(events)
        with (self.directory / LOG).open("ab") as log:
            log.write(lines)
        return lines

    def file(self, name: str, content: bytes) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def log(self) -> bytes:
        return (self.directory / LOG).read_bytes()
