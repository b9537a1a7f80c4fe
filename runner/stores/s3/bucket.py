"""Objects below one place of a bucket, by the SDK."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore import exceptions as sdk

from runner.aws.failures import code_of, status_of
from runner.stores.s3.location import Location
from runner.stores.s3.objects import Found, Listed
from runner.stores.s3.trouble import told

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONFLICTS = 6
"""Tries against 409: somebody else's conditional write of the same name is under way. It soon is decided."""


class Bucket:
    """`Objects` in S3. Safe for threads."""

    def __init__(self, client: S3Client, where: Location) -> None:
        self.client = client
        self.where = where
        self._now = 0.0

    def below(self, name: str) -> Bucket:
        """A place in this one, by the same client."""
        return Bucket(self.client, self.where.below(name))

    def get(self, name: str, span: str = "") -> Found | None:
        """`span`: only these bytes (`bytes=FROM-TO`, `bytes=-LAST`); b"" where the object has none there."""
        more: dict[str, Any] = {"Range": span} if span else {}
        with told("read", self.where.below(name)):
            try:
                answer = self.client.get_object(Bucket=self.where.bucket, Key=self.where.key(name), **more)
                body = answer["Body"].read()
            except sdk.ClientError as error:
                self._heard(error.response)
                if code_of(error) in {"NoSuchKey", "404"}:
                    return None
                if status_of(error) == 416:
                    return Found(body=b"")
                raise
        self._heard(answer)
        return Found(
            body=body,
            modified=answer["LastModified"].timestamp(),
            etag=answer["ETag"],
            metadata=answer.get("Metadata", {}),
        )

    def create(self, name: str, body: bytes) -> bool:
        return self._put_if(name, body, {"IfNoneMatch": "*"})

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str]) -> bool:
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        return self._put_if(name, body, {**condition, "Metadata": dict(metadata)})

    def _put_if(self, name: str, body: bytes, condition: Mapping[str, Any]) -> bool:
        where = self.where.below(name)
        for left in reversed(range(_CONFLICTS)):
            with told("write", where):
                try:
                    answer = self.client.put_object(
                        Bucket=where.bucket,
                        Key=where.prefix,
                        Body=body,
                        ChecksumAlgorithm="SHA256",
                        **condition,
                    )
                except sdk.ClientError as error:
                    self._heard(error.response)
                    if status_of(error) == 412 or (status_of(error) == 404 and "IfMatch" in condition):
                        return False
                    if status_of(error) != 409 or not left:
                        raise
                else:
                    self._heard(answer)
                    return True
            time.sleep(0.1 * (_CONFLICTS - left))
        raise AssertionError("the last try returns or raises")

    def put(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Write it, whatever was there before."""
        where = self.where.below(name)
        with told("write", where):
            answer = self.client.put_object(
                Bucket=where.bucket,
                Key=where.prefix,
                Body=body,
                ChecksumAlgorithm="SHA256",
                Metadata=dict(metadata or {}),
            )
        self._heard(answer)

    def delete(self, name: str) -> None:
        with told("delete", self.where.below(name)):
            self._heard(self.client.delete_object(Bucket=self.where.bucket, Key=self.where.key(name)))

    def names(self, prefix: str) -> Sequence[Listed]:
        return [
            Listed(
                name=entry["Key"][len(self.where.key("")) :],
                size=entry["Size"],
                modified=entry["LastModified"].timestamp(),
            )
            for page in self._pages(prefix, "")
            for entry in page.get("Contents", [])
        ]

    def folders(self, prefix: str = "") -> list[str]:
        """The first parts of the names that have several, sorted: one request for a thousand of them.

        Only those that begin with `prefix`.
        """
        return [
            entry["Prefix"][len(self.where.key("")) :].rstrip("/")
            for page in self._pages(prefix, "/")
            for entry in page.get("CommonPrefixes", [])
        ]

    def _pages(self, prefix: str, delimiter: str) -> Iterator[Any]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.where.bucket, Prefix=self.where.key(prefix), Delimiter=delimiter
        )
        with told("list", self.where.below(prefix)):
            for page in pages:
                self._heard(page)
                yield page

    def now(self) -> float:
        return self._now

    def _heard(self, answer: Mapping[str, Any]) -> None:
        """Every answer of S3 says what time it is there."""
        date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
        try:
            said = parsedate_to_datetime(date)
        except ValueError:
            said = datetime.now(UTC)
        self._now = said.timestamp()
