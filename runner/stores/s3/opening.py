"""From a URL to a bucket, and to a run's store in it."""

from __future__ import annotations

from functools import partial

from runner.stores.s3.bucket import Bucket
from runner.stores.s3.client import Settings, connect
from runner.stores.s3.location import Location
from runner.stores.s3.requests import LOOK_EVERY
from runner.stores.s3.store import S3Store
from runner.stores.s3.uploading import put_file, put_tail


def open_bucket(url: str, settings: Settings | None = None) -> Bucket:
    """Objects below `s3://BUCKET/PREFIX`. Asks nothing of AWS yet. Raises UsageError, StoreError."""
    return Bucket(connect(settings), Location.parse(url))


def open_store(
    bucket: Bucket,
    *,
    generation: int = 1,
    claim: str = "",
    name: str = "",
    look_every: float = LOOK_EVERY,
    since: float = 0.0,
) -> S3Store:
    """The store of the run whose own place `bucket` is: its last part is the run's id. See `S3Store`."""
    return S3Store(
        bucket,
        bucket.where.name,
        upload=partial(put_file, bucket),
        upload_tail=partial(put_tail, bucket),
        generation=generation,
        claim=claim,
        name=name,
        look_every=look_every,
        since=since,
    )
