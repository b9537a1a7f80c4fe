"""Where secrets are kept."""

from __future__ import annotations

from typing import Protocol


class Secrets(Protocol):
    """Reads values, and keeps none of them anywhere but in memory."""

    def read(self, source: str) -> str:
        """The value at `ssm:/path` or `secretsmanager:id[#key]`.

        Raises CloudBusyError where the same call may succeed later, CloudError for what is missing or denied;
        neither holds a value.
        """
