"""The SDK's clients: region, endpoint, time limits and tries, in one place."""

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

Client: TypeAlias = Any
"""A client of the SDK: it makes its methods at run time."""


class EndpointError(sdk.BotoCoreError):
    """What is set as the address of AWS is none. The SDK itself has no error of its own for this."""

    fmt = "{endpoint} is not an endpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is "" here is as the SDK finds it: environment, profile, the machine's role.

    `endpoint`: AWS's own, or what AWS_ENDPOINT_URL says, for all services or with a service's name behind.
    Times in seconds. `tries`: the first one included. `connections`: as many as are kept open.
    """

    region: str = ""
    endpoint: str = ""
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    tries: int = 4
    connections: int = 10


def make(service: str, settings: Settings) -> Client:
    """A client that many threads may use; asks nothing of AWS yet. Raises the SDK's BotoCoreError."""
    endpoint = settings.endpoint or _endpoint(service)
    config = Config(
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        retries={"mode": "standard", "total_max_attempts": settings.tries},
        max_pool_connections=settings.connections,
        user_agent_extra="queue-runner",
        # An endpoint of one's own seldom has a name for each bucket; with AWS the SDK knows best.
        s3={"addressing_style": "path"} if endpoint else {},
    )
    region = settings.region or os.environ.get("AWS_REGION") or None
    session = _signed_in() or boto3.Session(botocore_session=_core())
    try:
        return session.client(  # type: ignore[call-overload]
            service, region_name=region, config=config, endpoint_url=endpoint or None
        )
    except ValueError as error:
        raise EndpointError(endpoint=endpoint) from error


def _endpoint(service: str) -> str:
    own = f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}"
    return os.environ.get(own) or os.environ.get("AWS_ENDPOINT_URL") or ""


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
