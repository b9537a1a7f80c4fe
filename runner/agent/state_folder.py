"""The queue's state directory (`RUNNER_STATE_DIR`) in the bucket: kept now and then, and at the end.

Each machine keeps its own, `state/GEN.tar.gz`: an old one that wakes up overwrites nothing of a newer one.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

from runner.agent.lines import Files
from runner.agent.uploads import Notice, Put
from runner.bundle.archive import described
from runner.errors import RefusedError, RunnerError, StoreError
from runner.results.reading import OutsideError, is_inside, open_within

EVERY = 60.0
"""Seconds between two looks at whether it changed."""
_SHARE = 9.0
"""So much longer than it took to keep it is waited before it is kept again: jobs need the machine."""
_PACE = 1.0


def state_name(generation: int) -> str:
    return f"state/{generation}.tar.gz"


class StateFolder:
    """`folder` is the state directory, `scratch` a place for archives. Safe for threads.

    A large one takes minutes to pack: `start` keeps it from a thread of its own.
    """

    def __init__(
        self,
        folder: Path,
        scratch: Path,
        generation: int,
        put: Put,
        *,
        notice: Notice,
        clock: Callable[[], float],
    ) -> None:
        self._folder = folder
        self._scratch = scratch
        self._name = state_name(generation)
        self._put = put
        self._notice = notice
        self._clock = clock
        self._next = clock() + EVERY
        self._kept = ""
        self._number = itertools.count()
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def check(self, checkout: Path) -> None:
        """Before anything is put there, with all rights.

        Raises RefusedError where a link of the commit leads elsewhere, or a file is in its place.
        """
        place = os.path.realpath(self._folder)
        above = next(folder for folder in (self._folder, *self._folder.parents) if os.path.lexists(folder))
        if not is_inside(place, os.path.realpath(checkout)) or not above.is_dir():
            raise RefusedError(
                f"the commit has something else in the place of its state directory {self._folder}",
                hint="take `.runner` out of the repository",
            )

    def make(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        threading.Thread(target=self._look_always, name="state", daemon=True).start()

    def close(self) -> None:
        """Nothing more is begun."""
        self._closing.set()

    def _look_always(self) -> None:
        while not self._closing.wait(_PACE):
            self.look()

    def look(self) -> None:
        """Keep it if it is time and something has changed. One try: it is tried again a minute later."""
        if self._clock() < self._next or not self._lock.acquire(blocking=False):
            return
        began = self._clock()
        try:
            self._keep()
        finally:
            self._next = self._clock() + max(EVERY, _SHARE * (self._clock() - began))
            self._lock.release()

    def _keep(self) -> None:
        now = self._fingerprint()
        if now == self._kept or not now:
            return
        archive = self._packed()
        if archive is None:
            return
        try:
            self._put(self._name, archive)
            self._kept = now
        except StoreError:
            return
        finally:
            archive.unlink(missing_ok=True)

    def at_end(self) -> Files:
        """What is to be kept before the run's last word; packed when it is asked for, which takes time."""
        with self._lock:
            now = self._fingerprint()
            archive = self._packed() if now and now != self._kept else None
            if archive is not None:
                yield self._name, archive

    def _fingerprint(self) -> str:
        """ "" where there is nothing."""
        try:
            looks = [(str(path), path.lstat()) for path in sorted(self._folder.rglob("*"))]
        except OSError:  # a job changes it right now
            return "changing"
        return repr([(name, look.st_size, look.st_mtime_ns) for name, look in looks]) if looks else ""

    def _packed(self) -> Path | None:
        """What jobs change meanwhile may be old or new in it. A file that vanishes is left out."""
        path = self._scratch / f"state-{next(self._number)}.tar.gz"
        try:
            with tarfile.open(path, "w:gz", compresslevel=1) as archive:
                for entry in sorted(self._folder.rglob("*")):
                    with contextlib.suppress(FileNotFoundError, OutsideError):
                        _add(archive, entry, self._folder)
        except (OSError, tarfile.TarError) as error:
            self._notice(f"the state directory cannot be kept: {error}")
            path.unlink(missing_ok=True)
            return None
        return path


def _add(archive: tarfile.TarFile, entry: Path, folder: Path) -> None:
    """As it is now. Should a job exchange it meanwhile for something else, it is left out."""
    member: tarfile.TarInfo | None = archive.gettarinfo(entry, entry.relative_to(folder).as_posix())
    if member is None:  # a socket
        return
    if member.isreg():
        with open_within(entry, (os.path.realpath(folder),)) as file:
            member.size = os.fstat(file.fileno()).st_size
            archive.addfile(member, file)
    elif not member.ischr() and not member.isblk():
        archive.addfile(member)


def unpack(archive: Path, target: Path, sha256: str = "") -> None:
    """A `.tar.gz` of ours into a folder. Raises RunnerError, also where its hash is another one."""
    try:
        if sha256 and described(archive).sha256 != sha256:
            raise RunnerError(
                f"{archive.name} has another SHA-256 than it should", hint="launch the run again"
            )
        target.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["tar", "-xzf", str(archive), "-C", str(target), "--no-same-owner"],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise RunnerError(f"{archive.name} cannot be unpacked: {error.strerror or error}") from error
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[-300:]
        raise RunnerError(f"{archive.name} cannot be unpacked: {said}", hint="look for a full disk")
