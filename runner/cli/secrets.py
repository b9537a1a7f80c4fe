"""Secrets of a run on this machine that AWS keeps: read with the credentials of whoever runs it."""

from __future__ import annotations

from pathlib import Path

from runner import config
from runner.ports import Secrets


class SecretsOfUser:
    """Nothing is loaded or asked before the first secret is. Region: `aws.region`, or the SDK's own."""

    def __init__(self, checkout: Path) -> None:
        self._checkout = checkout
        self._secrets: Secrets | None = None

    def read(self, source: str) -> str:
        """Raises CloudError, CloudBusyError."""
        if self._secrets is None:
            self._secrets = self._opened()
        return self._secrets.read(source)

    def _opened(self) -> Secrets:
        # Imported here: the SDK takes longer to load than most commands take to run.
        from runner.aws.clients import Settings  # noqa: PLC0415
        from runner.clouds.client import connect  # noqa: PLC0415
        from runner.clouds.secrets import CloudSecrets  # noqa: PLC0415

        found, _ = config.read(self._checkout)
        settings = Settings(region=found.account.region)
        return CloudSecrets(lambda service: connect(service, settings))
