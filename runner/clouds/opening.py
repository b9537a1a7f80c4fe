"""From a region to a cloud."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from runner.ports import Cloud

if TYPE_CHECKING:
    from runner.clouds.account.facts import Account, Asked, Unasked


def open_cloud(region: str = "") -> Cloud:
    """EC2 in a region; "": as the SDK finds it. Asks nothing of AWS yet. Raises CloudError."""
    # The SDK takes a third of a second to import, and few commands need it.
    from runner.aws.clients import Settings  # noqa: PLC0415
    from runner.clouds.ec2 import Ec2Cloud  # noqa: PLC0415

    return Ec2Cloud.open(Settings(region=region))


def fetch_prices(region: str, types: Iterable[str]) -> dict[str, float]:
    """US dollars an hour on demand, of those types that AWS has a price for there. Raises CloudError."""
    from runner.clouds.pricing import fetch  # noqa: PLC0415  as above

    return fetch(region, types)


def look_at_account(asked: Asked) -> Account | Unasked:
    """How an account is set up, as far as it can be known in some seconds. What is wrong is no error."""
    from runner.clouds.account.looking import look  # noqa: PLC0415  as above

    return look(asked)
