"""From an `s3://` URL to a run that can be read, or to the runs of a bucket. Brings the SDK only then."""

from __future__ import annotations

from runner.launching.account import RUNS
from runner.runs import ids
from runner.runs.source import RunSource

SCHEME = "s3://"


def in_bucket(url: str) -> RunSource:
    """Raises UsageError for what is no place in a bucket."""
    # Imported here: the SDK takes longer to load than most commands take to run.
    from runner.runs.in_bucket import BucketSource  # noqa: PLC0415
    from runner.stores.s3 import open_bucket  # noqa: PLC0415

    return BucketSource(open_bucket(url))


def in_bucket_of(url: str, number: int | None = None) -> tuple[list[RunSource], int]:
    """The newest runs below `s3://BUCKET/PREFIX/runs` (`/runs` may be left out), and how many there are.

    By their ids, which say when they were made: one request for a thousand, and none for those not wanted.
    """
    from runner.runs.in_bucket import BucketSource  # noqa: PLC0415  as above
    from runner.stores.s3 import open_bucket  # noqa: PLC0415

    bucket = open_bucket(url if url.rstrip("/").endswith(f"/{RUNS}") else f"{url.rstrip('/')}/{RUNS}")
    names = sorted(bucket.folders(), key=_newest, reverse=True)
    return [BucketSource(bucket.below(name)) for name in names[:number]], len(names)


def _newest(run_id: str) -> tuple[str, str]:
    return (ids.parts(run_id)[1], run_id)
