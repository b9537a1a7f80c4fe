"""The SDK's client for S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.aws import clients
from runner.stores.s3.location import Location
from runner.stores.s3.trouble import told

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(clients.Settings):
    """`connections`: as many as anything here does at once."""

    read_timeout: float = 30.0
    tries: int = 5
    connections: int = 32


def connect(settings: Settings | None = None) -> S3Client:
    """A client that many threads may use. Raises StoreError where no settings can be found; asks nothing."""
    with told("talk to", Location(bucket="")):
        client: S3Client = clients.make("s3", settings or Settings())
    return client
