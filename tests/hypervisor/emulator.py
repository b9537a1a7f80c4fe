"""The emulator behind the endpoint, with the validation that it has switched on."""

from __future__ import annotations

import urllib.request
from contextlib import AbstractContextManager

from tests.aws import emulator
from tests.waiting import PATIENCE


def strict_emulator() -> AbstractContextManager[str]:
    """Its URL."""
    return emulator(MOTO_ENABLE_AMI_VALIDATION="true", MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION="true")


def forget(url: str) -> None:
    """All that it holds."""
    request = urllib.request.Request(f"{url}/moto-api/reset", method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        answer.read()
