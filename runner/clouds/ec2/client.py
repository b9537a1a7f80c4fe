"""The SDK's clients: region, time limits and tries, in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, TypeAlias

import boto3
from botocore import exceptions as sdk
from botocore.config import Config

from runner.clouds.ec2.trouble import trouble
from runner.errors import CloudError

Client: TypeAlias = Any
"""A client of the SDK: it makes its methods at run time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`region` "": as the SDK finds it. Times in seconds. `tries`: the first one included.

    The endpoint is AWS's own, or what AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_EC2 say.
    """

    region: str = ""
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    tries: int = 4


def connect(service: str, settings: Settings | None = None) -> Client:
    """A client that many threads may use. Raises CloudError where no settings can be found; asks nothing."""
    settings = settings or Settings()
    config = Config(
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        retries={"mode": "standard", "total_max_attempts": settings.tries},
        user_agent_extra="queue-runner",
        # An endpoint of one's own seldom has a name for each bucket.
        s3={"addressing_style": "path"} if os.environ.get("AWS_ENDPOINT_URL") else {},
    )
    try:
        region = settings.region or os.environ.get("AWS_REGION") or None
        # The default session is there only where somebody has signed in for the whole process.
        session = boto3.DEFAULT_SESSION or boto3.Session()
        return session.client(service, region_name=region, config=config)  # type: ignore[call-overload]
    except sdk.BotoCoreError as error:
        raise trouble(f"talk to {service.upper()}", error) from error
    except ValueError as error:
        raise CloudError("AWS_ENDPOINT_URL is not an endpoint", hint="correct it, or unset it") from error
