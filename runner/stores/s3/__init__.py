"""A run in a bucket: the same names below `s3://BUCKET/PREFIX/runs/RUN_ID/` as in a run's directory.

Only the log differs. S3 cannot append, so it is written as immutable segments, `events/NNNNNN.jsonl`; one
whole `events.jsonl` follows when the run is over.

Requests (each at most five tries, by the SDK's standard retries):

- the log: one PUT an append, none where there is nothing to say;
- a reader: one GET for the whole log of a run that is over, else one GET a segment (up to 32 at once) and one
  that finds nothing; then one GET a look;
- requests from elsewhere: one LIST every five seconds while somebody runs the run;
- a file: one PUT, beyond 8 MiB one for each 8 MiB (larger parts beyond 80 GB: S3 takes 10,000) and two more;
  back: one GET, beyond 8 MiB one HEAD and one GET for each 8 MiB more;
- opening: one PUT of the claim and one of the fence, beside reading the log; the end of a run: one PUT.
"""

from runner.stores.s3.bucket import Bucket
from runner.stores.s3.claims import Claims
from runner.stores.s3.client import Settings, connect
from runner.stores.s3.downloading import download
from runner.stores.s3.location import Location
from runner.stores.s3.objects import Found, Listed, Objects
from runner.stores.s3.opening import open_bucket, open_store
from runner.stores.s3.requests import put_request
from runner.stores.s3.segments import Reader, Writer
from runner.stores.s3.store import S3Store

__all__ = [
    "Bucket",
    "Claims",
    "Found",
    "Listed",
    "Location",
    "Objects",
    "Reader",
    "S3Store",
    "Settings",
    "Writer",
    "connect",
    "download",
    "open_bucket",
    "open_store",
    "put_request",
]
