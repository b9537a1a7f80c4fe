"""The SDK's clients for whatever is asked of a cloud."""

from __future__ import annotations

from runner.aws.clients import Client, Settings, make
from runner.clouds.trouble import told


def connect(service: str, settings: Settings | None = None) -> Client:
    """A client that many threads may use. Raises CloudError where no settings can be found; asks nothing."""
    with told(f"talk to {service.upper()}"):
        return make(service, settings or Settings())
