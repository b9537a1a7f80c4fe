"""A run in a directory of this machine: the embedded store.

`plan.json` is synced and renamed into place before `events.jsonl` exists, so a directory with a log always
has its plan. One process at a time appends (the lease); anyone may read at any time.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner import events as e
from runner.errors import RunIsLiveError, StoreError
from runner.stores.disk import read_regular, sync_directory, trouble, write_atomically

PLAN, LOG, LEASE, REQUESTS = "plan.json", "events.jsonl", "lease", "requests"
SYNC_EVERY = 0.1
"""Seconds within which an appended event is durable."""


class DirectoryStore:
    """`path` is the run's own directory. Methods raise StoreError, with the reason in words."""

    def __init__(self, path: Path, run_id: str) -> None:
        self.path = path
        self.run_id = run_id
        self._log = -1
        self._lease = -1
        self._seq = 0
        self._given: list[str] = []
        self._dirty = threading.Event()
        self._closing = False
        self._sync_error: OSError | None = None
        self._syncer: threading.Thread | None = None

    def create(self, plan: bytes) -> None:
        """Make the directory with its plan, durably. Raises StoreError where there is a run already."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / "jobs").mkdir(exist_ok=True)
            (self.path / REQUESTS).mkdir(exist_ok=True)
            if (self.path / PLAN).exists():
                raise StoreError(
                    f"{self.path} has a run already", hint="choose another directory, or resume it"
                )
            write_atomically(self.path / PLAN, plan)
        except OSError as error:
            raise trouble("create", self.path, error) from error

    def lease(self, holder: Mapping[str, Any]) -> None:
        """Hold the run's lock until `close` or the end of this process, however it ends."""
        try:
            fd = os.open(self.path / LEASE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise trouble("lock", self.path, error) from error
        if not _lock(fd):
            os.close(fd)
            raise RunIsLiveError(
                f"run {self.run_id} is live: {describe(read_holder(self.path))} holds it",
                hint=f"`runner status --watch {self.run_id}` follows, `runner cancel {self.run_id}` ends it",
            )
        try:
            os.ftruncate(fd, 0)
            os.pwrite(fd, json.dumps(dict(holder)).encode(), 0)
        except OSError as error:
            os.close(fd)
            raise trouble("lock", self.path, error) from error
        self._lease = fd

    def open_log(self) -> list[e.Event]:
        """Cut off a torn tail, get ready to append, and give what the log has. Needs the lease."""
        path = self.path / LOG
        try:
            self._log = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            content = read_regular(path)
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                os.ftruncate(self._log, whole)
            os.fsync(self._log)
            sync_directory(self.path)
        except OSError as error:
            raise trouble("open the log of", self.path, error) from error
        found = e.decode_lines(content[:whole])
        self._seq = len(found)
        self._syncer = threading.Thread(target=self._sync_always, name="log-sync", daemon=True)
        self._syncer.start()
        return found

    def append(self, events: Sequence[e.Event]) -> None:
        if self._sync_error is not None:
            raise trouble("write the log of", self.path, self._sync_error)
        payload = e.encode_lines(events, self.run_id, self._seq + 1)
        try:
            written = os.write(self._log, payload)
            if written < len(payload):  # nearly always a full disk: the next write says so
                os.write(self._log, payload[written:])
        except OSError as error:
            self._cut_torn_line()
            raise trouble("write the log of", self.path, error) from error
        self._seq += len(events)
        self._dirty.set()

    def _cut_torn_line(self) -> None:
        """A half-written line must not be glued to the next one."""
        content = read_regular(self.path / LOG)
        os.ftruncate(self._log, content.rfind(b"\n") + 1)

    def _sync_always(self) -> None:
        """Group commit: one fdatasync for all that was appended in the meantime."""
        while True:
            self._dirty.wait()
            self._dirty.clear()
            if self._closing:
                return
            try:
                _fdatasync(self._log)
            except OSError as error:
                self._sync_error = error
                return
            pause = threading.Event()
            pause.wait(SYNC_EVERY * 0.8)

    def sync(self) -> None:
        try:
            _fdatasync(self._log)
        except OSError as error:
            raise trouble("write the log of", self.path, error) from error

    def events(self, after: int = 0) -> list[e.Event]:
        return read_events(self.path)[after:]

    def put(self, name: str, file: Path) -> None:
        target = self.path / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(target.name + ".part")
            shutil.copyfile(file, part)
            part.replace(target)
        except OSError as error:
            raise trouble("write", target, error) from error

    def requests(self) -> list[dict[str, Any]]:
        """Requests laid down for this run, oldest first; those given by the last call are removed."""
        folder = self.path / REQUESTS
        found: list[dict[str, Any]] = []
        for name in self._given:
            (folder / name).unlink(missing_ok=True)
        self._given.clear()
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))  # noqa: PTH208
        except OSError:
            return []
        for name in names:
            self._given.append(name)
            try:
                body = json.loads(read_regular(folder / name))
            except (OSError, ValueError):
                continue
            if isinstance(body, dict):
                found.append({**body, "request": name.removesuffix(".json")})
        return found

    def close(self) -> None:
        self._closing = True
        self._dirty.set()
        if self._syncer is not None:
            self._syncer.join()
            self._syncer = None
        try:
            if self._log >= 0:
                _fdatasync(self._log)
        except OSError as error:
            raise trouble("write the log of", self.path, error) from error
        finally:
            for fd in (self._log, self._lease):
                if fd >= 0:
                    os.close(fd)
            self._log = self._lease = -1


def _lock(fd: int) -> bool:
    """A moment's patience: who only asks whether the run is live holds the lock for an instant."""
    for _ in range(10):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False


def read_events(path: Path) -> list[e.Event]:
    """The log of a run, live or not. Without one (it never began) there are no events."""
    try:
        return e.decode_lines(read_regular(path / LOG))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise trouble("read the log of", path, error) from error


def is_live(path: Path) -> bool:
    """Whether some process holds this run's lease. The holder does not notice the question."""
    try:
        fd = os.open(path / LEASE, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def read_holder(path: Path) -> dict[str, Any]:
    """Who holds (or last held) the lease: host, pid, since."""
    try:
        found = json.loads(read_regular(path / LEASE))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def describe(holder: Mapping[str, Any]) -> str:
    pid, host, since = holder.get("pid"), holder.get("host"), holder.get("since")
    return f"process {pid} on {host}, since {since}" if pid else "another process"


def request(path: Path, body: Mapping[str, Any], name: str) -> None:
    """Lay down a request for whoever runs this run, whole or not at all."""
    try:
        folder = path / REQUESTS
        folder.mkdir(exist_ok=True)
        write_atomically(folder / f"{name}.json", json.dumps(dict(body)).encode())
    except OSError as error:
        raise trouble("write to", path, error) from error


def _fdatasync(fd: int) -> None:
    getattr(os, "fdatasync", os.fsync)(fd)  # macOS has only fsync
