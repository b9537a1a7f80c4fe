"""The SDK's client: region, endpoint, time limits and tries, in one place."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore import exceptions as sdk
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.session import Session

from runner.errors import StoreError
from runner.stores.s3.location import Location
from runner.stores.s3.trouble import trouble

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECTIONS = 32
"""As many as anything here does at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is "" here is as the SDK finds it: environment, profile, the machine's role.

    `endpoint`: AWS_ENDPOINT_URL stands for it. Times in seconds. `tries`: the first one included.
    """

    region: str = ""
    endpoint: str = ""
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    tries: int = 5


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


def connect(settings: Settings | None = None) -> S3Client:
    """A client that many threads may use. Raises StoreError where no settings can be found; asks nothing."""
    settings = settings or Settings()
    endpoint = (
        settings.endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    )
    more: dict[str, Any] = {"endpoint_url": endpoint} if endpoint else {}
    config = Config(
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        retries={"mode": "standard", "total_max_attempts": settings.tries},
        max_pool_connections=CONNECTIONS,
        # An endpoint of one's own seldom has a name for each bucket; with AWS the SDK knows best.
        s3={"addressing_style": "path"} if endpoint else {},
        user_agent_extra="queue-runner",
    )
    try:
        region = settings.region or os.environ.get("AWS_REGION") or None
        session = _signed_in() or boto3.Session(botocore_session=_core())
        return session.client("s3", region_name=region, config=config, **more)
    except (sdk.BotoCoreError, ValueError) as error:
        if isinstance(error, sdk.BotoCoreError):
            raise trouble("talk to", Location(bucket=""), error) from error
        raise StoreError(f"{endpoint} is not an endpoint", hint="correct AWS_ENDPOINT_URL") from error
