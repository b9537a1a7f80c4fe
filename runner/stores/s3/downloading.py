"""A file out of a bucket: large ones in parts side by side, memory bounded."""

from __future__ import annotations

from pathlib import Path

from s3transfer.exceptions import RetriesExceededError, S3DownloadFailedError, S3ValidationError
from s3transfer.manager import TransferConfig, TransferManager

from runner.aws.failures import TRY_NETWORK
from runner.errors import StoreBusyError, StoreError
from runner.stores.s3.bucket import Bucket
from runner.stores.s3.trouble import told
from runner.stores.s3.uploading import PART, Progress, Seen, unseen

_MODE = 0o644


def download(bucket: Bucket, name: str, target: Path, progress: Progress = unseen) -> int:
    """Write the object to `target`; the mode that the file had. Raises StoreError, also if it is missing."""
    where = bucket.where.below(name)
    found = bucket.get(name, f"bytes=0-{PART - 1}")
    if found is None:
        raise StoreError(f"there is no {where}", hint="it was never kept, or was deleted since")
    try:
        if len(found.body) < PART:
            target.write_bytes(found.body)
            progress(len(found.body))
        else:
            _fetch_parts(bucket, name, target, progress)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror}") from error
    said = found.metadata.get("mode", "")
    return int(said, 8) if said.isdecimal() and "8" not in said and "9" not in said else _MODE


def _fetch_parts(bucket: Bucket, name: str, target: Path, progress: Progress) -> None:
    where = bucket.where.below(name)
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_request_concurrency=8)
    try:
        with told("read", where), TransferManager(bucket.client, config) as transfers:
            transfers.download(where.bucket, where.prefix, str(target), subscribers=[Seen(progress)]).result()
    except (RetriesExceededError, S3DownloadFailedError, S3ValidationError) as error:
        raise StoreBusyError(f"cannot read {where}: its parts break off", hint=TRY_NETWORK) from error
