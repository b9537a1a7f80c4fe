"""The SDK's clients: region, time limits and tries, in one place."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import Any, TypeAlias

import boto3
from botocore import exceptions as sdk
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.session import Session

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


@functools.cache
def _models(data_path: str | None) -> Loader:
    """The SDK's descriptions of services: to read them is most of what a client costs, so once is enough."""
    return create_loader(data_path)


def _core() -> Session:
    core = Session()
    core.register_component("data_loader", _models(core.get_config_variable("data_path")))
    return core


def _signed_in() -> boto3.Session | None:
    """Who this process is, where somebody signed it in (`clouds.identity`). The SDK's own is a plain one."""
    session = boto3.DEFAULT_SESSION
    return None if type(session) is boto3.Session else session


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
        session = _signed_in() or boto3.Session(botocore_session=_core())
        return session.client(service, region_name=region, config=config)  # type: ignore[call-overload]
    except sdk.BotoCoreError as error:
        raise trouble(f"talk to {service.upper()}", error) from error
    except ValueError as error:
        raise CloudError("AWS_ENDPOINT_URL is not an endpoint", hint="correct it, or unset it") from error
