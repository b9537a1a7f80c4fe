"""Files into a bucket: small ones whole, large ones in parts; hashed on the way.

The SDK sends a SHA-256 with each object and each part, and S3 refuses what does not fit it. Memory: of a file
at most 8 parts of 8 MiB (larger ones only beyond 80 GB: S3 takes 10,000 of them).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from s3transfer.futures import TransferFuture
from s3transfer.manager import TransferConfig, TransferManager
from s3transfer.subscribers import BaseSubscriber

from runner.errors import StoreError
from runner.stores.s3.bucket import Bucket
from runner.stores.s3.trouble import told

PART = 8 << 20
_AT_ONCE = 8
Progress = Callable[[int], object]
"""Called from several threads with how many more bytes are there."""


def unseen(_more: int) -> None:
    """The progress that nobody looks at."""


def put_file(bucket: Bucket, name: str, file: Path, progress: Progress = unseen) -> int:
    """Keep one file; its size. What is written to it meanwhile may be missing."""
    try:
        size, mode = _look(file)
        metadata = {"mode": f"{mode:o}"}
        if size <= PART:
            body = file.read_bytes()
            bucket.put(name, body, metadata)
            progress(len(body))
            return len(body)
        _put_parts(bucket, name, file, metadata, progress)
    except OSError as error:
        raise StoreError(f"cannot read {file}: {error.strerror}") from error
    return size


def put_tail(bucket: Bucket, name: str, file: Path, most: int = 64 << 10) -> None:
    """Keep the last bytes of a file that still grows, as `NAME.tail`, with where in the file they begin."""
    try:
        with file.open("rb") as reading:
            size = os.fstat(reading.fileno()).st_size
            offset = reading.seek(max(0, size - most))
            body = reading.read(most)
    except OSError as error:
        raise StoreError(f"cannot read {file}: {error.strerror}") from error
    bucket.put(f"{name}.tail", body, {"offset": str(offset)})


def _look(file: Path) -> tuple[int, int]:
    found = file.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"{file} is not a regular file", hint="only files can be kept in a bucket")
    return found.st_size, stat.S_IMODE(found.st_mode)


def _put_parts(bucket: Bucket, name: str, file: Path, metadata: dict[str, str], progress: Progress) -> None:
    where = bucket.where.below(name)
    config = TransferConfig(
        multipart_threshold=PART, multipart_chunksize=PART, max_request_concurrency=_AT_ONCE
    )
    with told("write", where), TransferManager(bucket.client, config) as transfers:
        transfers.upload(
            str(file),
            where.bucket,
            where.prefix,
            extra_args={"ChecksumAlgorithm": "SHA256", "Metadata": metadata},
            subscribers=[Seen(progress)],
        ).result()


class Seen(BaseSubscriber):
    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def on_progress(self, future: TransferFuture, bytes_transferred: int, **_: Any) -> None:  # noqa: ARG002
        self._progress(bytes_transferred)
