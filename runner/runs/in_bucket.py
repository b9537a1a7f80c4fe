"""A run in a bucket, to be read from anywhere. Brings the SDK: loaded only where a run is in a bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from runner.errors import LogError, NotFoundError, StoreError
from runner.launching.account import RUNS
from runner.runs.ids import is_run_id
from runner.stores.s3 import Bucket, Found, Reader, download, put_request
from runner.stores.s3.segments import WHOLE
from runner.units import format_size

_PACE = 2.0
_PIECE = 8 << 20
_AT_ONCE = 16
LARGEST = 256 << 20
"""Bytes of a log that are read: that of 10,000 jobs has 20 MB."""
_SEGMENT = 32 << 20
SILENT = 180.0
"""Seconds without a word, of a run that gives a sign of life each minute, after which nobody runs it."""
STARTING = 900.0
"""Seconds in which a machine has to say its first word."""
_ENDS = (b'"type":"run_finished"', b'"type":"run_interrupted"')
Item = TypeVar("Item")
Result = TypeVar("Result")


class BucketSource:
    """`bucket` is the run's own place. Ages are differences between times of S3's clock."""

    pace = _PACE
    directory = None

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._reader = Reader(_Bounded(bucket), at_once=_AT_ONCE, most=LARGEST)
        self.planned_at = 0.0
        self._is_over = False
        self.files = BucketFiles(bucket)

    def __str__(self) -> str:
        return str(self.bucket.where)

    def again(self) -> BucketSource:
        return BucketSource(self.bucket)

    def plan_bytes(self) -> bytes:
        found = self.bucket.get("plan.json")
        if found is None:
            raise NotFoundError(
                f"{self} is not a run: it has no plan.json",
                hint=f"list the runs: runner runs {self._beside()}",
            )
        self.planned_at = found.modified
        return found.body

    def _beside(self) -> str:
        """Where its bucket may have runs: at the last `runs` of its place, else at all of it."""
        bucket, parts = self.bucket.where.bucket, self.bucket.where.prefix.split("/")
        known = parts[: len(parts) - parts[::-1].index(RUNS)] if RUNS in parts else parts
        known = known[:-1] if is_run_id(known[-1]) else known
        return "/".join(("s3:/", bucket, *filter(None, known)))

    def run_id(self) -> str:
        return self.bucket.where.name

    def fresh(self) -> bytes:
        lines = self._reader.fresh()
        if lines:
            last = lines[lines[:-1].rfind(b"\n") + 1 :]
            self._is_over = any(end in last for end in _ENDS)
        return lines

    @property
    def log_generation(self) -> int:
        """Of whoever wrote last, as far as the log was read."""
        return self._reader.generation

    def silent(self) -> float:
        """Seconds since somebody last wrote, or since it was planned, by the bucket's clock."""
        return max(0.0, self.bucket.now() - (self._reader.modified or self.planned_at))

    def left(self) -> bytes:
        return self._reader.left()

    def is_live(self) -> bool:
        """By the age of the last segment that was read. A run that was only requested has time to start.

        One that is over lives again as soon as a newer generation has the log, before its first line.
        """
        if self._is_over and self._reader.told == self._reader.generation:
            return False
        age = self.bucket.now() - (self._reader.modified or self.planned_at)
        return age < (SILENT if self._reader.modified else STARTING)

    def report(self) -> str:
        found = self.bucket.get("report.md", "bytes=0-0")
        fresh = found is not None and found.modified >= self._reader.modified
        return f"{self}/report.md" if fresh else ""

    def request(self, body: Mapping[str, Any], name: str = "") -> None:
        put_request(self.bucket, body, name)


class _Bounded:
    """Objects of the log, of the size that they may have: whoever may write there writes what they want."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def get(self, name: str) -> Found | None:
        most = LARGEST if name == WHOLE else _SEGMENT
        found = self._bucket.get(name, f"bytes=0-{most}")
        if found is not None and len(found.body) > most:
            raise LogError(
                f"{self._bucket.where.below(name)} has more than {format_size(most)}, which no runner writes",
                hint="something other than runner writes there",
            )
        return found


class BucketFiles:
    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def end(self, name: str, most: int) -> bytes:
        for one in (name, f"{name}.tail"):
            try:
                found = self._bucket.get(one, f"bytes=-{most}")
            except StoreError:
                return b""
            if found is not None:
                return found.body
        return b""

    def read(self, name: str, most: int = -1) -> bytes:
        found = self._bucket.get(name, f"bytes=0-{most - 1}" if most > 0 else "")
        if found is None:
            raise FileNotFoundError(2, "no such object", str(self._bucket.where.below(name)))
        return found.body

    def pieces(self, name: str, offset: int) -> Iterator[tuple[int, bytes]]:
        found = self._bucket.get(name, _span(offset))
        if found is None:
            yield from self._tail(name, offset)
        while found is not None and found.body:
            yield offset, found.body
            offset += len(found.body)
            if len(found.body) < _PIECE:
                return
            found = self._bucket.get(name, _span(offset))

    def _tail(self, name: str, offset: int) -> Iterator[tuple[int, bytes]]:
        """Of a log that is still written: its end."""
        found = self._bucket.get(f"{name}.tail", _span(0))
        if found is None:
            raise FileNotFoundError(2, "no such object", str(self._bucket.where.below(name)))
        said = found.metadata.get("offset", "")
        begin = int(said) if said.isdecimal() else 0
        body = found.body[max(0, offset - begin) :]
        if body:
            yield max(begin, offset), body

    def sizes(self, folder: str) -> Callable[[str], int | None]:
        found = {listed.name: listed.size for listed in self._bucket.names(f"{folder}/")}
        return found.get

    def is_inside(self, folder: str, name: str) -> bool:  # noqa: ARG002  a bucket has no links
        path = PurePosixPath(name)
        return bool(path.parts) and not path.is_absolute() and ".." not in path.parts

    def fetch(self, name: str, part: Path, progress: Callable[[int], object]) -> tuple[str, int]:
        mode = download(self._bucket, name, part, progress)
        part.chmod(mode & 0o777 | 0o600)
        with part.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), part.stat().st_size

    def each(self, question: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="looks") as pool:
            yield from pool.map(question, items)


def _span(offset: int) -> str:
    return f"bytes={offset}-{offset + _PIECE - 1}"
