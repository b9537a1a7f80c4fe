"""`s3://BUCKET/PREFIX`: where something is."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from runner.errors import UsageError
from runner.problems import shorten

SCHEME = "s3://"
LONGEST_KEY = 1024
"""Bytes."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """`prefix` has no slash at either end; "" is the whole bucket."""

    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, url: str) -> Location:
        """Raises UsageError."""
        bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
        parts = [part for part in prefix.split("/") if part]
        if not url.startswith(SCHEME) or not _BUCKET.match(bucket) or {".", ".."} & set(parts):
            raise UsageError(
                f"{shorten(url)} is not a place in S3",
                hint="write s3://BUCKET/PREFIX/runs/RUN_ID with your names; a bucket's has no capitals",
            )
        return cls(bucket=bucket, prefix="/".join(parts))

    @property
    def name(self) -> str:
        """The last part: of a run's place, its id."""
        return self.prefix.rpartition("/")[2]

    def key(self, name: str) -> str:
        """A key is UTF-8, the name of a file may be any bytes: those that are not are written as `\\xff`.

        One that is longer than S3 takes ends in a hash of itself: whoever has the name finds it all the same.
        """
        spelled = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        whole = f"{self.prefix}/{spelled}" if self.prefix else spelled
        raw = whole.encode("utf-8", "backslashreplace")
        if len(raw) <= LONGEST_KEY:
            return whole
        tail = f"~{hashlib.sha256(raw).hexdigest()}"
        return raw[: LONGEST_KEY - len(tail)].decode("utf-8", "ignore") + tail

    def below(self, name: str) -> Location:
        return Location(bucket=self.bucket, prefix=self.key(name))

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")
