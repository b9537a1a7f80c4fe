"""From a URL to a bucket, and to a run's store in it."""

from __future__ import annotations

from functools import partial

from runner.stores.s3.bucket import Bucket
from runner.stores.s3.client import Settings, connect
from runner.stores.s3.location import Location
from runner.stores.s3.requests import LOOK_EVERY
from runner.stores.s3.shipping import EVERY, OnTrouble
from runner.stores.s3.store import S3Store
from runner.stores.s3.uploading import put_file


def open_bucket(url: str, settings: Settings | None = None) -> Bucket:
    """Objects below `s3://BUCKET/PREFIX`. Asks nothing of AWS yet. Raises UsageError, StoreError."""
    return Bucket(connect(settings), Location.parse(url))


def open_store(
    bucket: Bucket,
    *,
    generation: int = 1,
    every: float = EVERY,
    look_every: float = LOOK_EVERY,
    on_trouble: OnTrouble | None = None,
) -> S3Store:
    """The store of the run whose own place `bucket` is: its last part is the run's id."""
    return S3Store(
        bucket,
        bucket.where.name,
        upload=partial(put_file, bucket),
        generation=generation,
        every=every,
        look_every=look_every,
        on_trouble=on_trouble,
    )
