"""From a region to a cloud."""

from __future__ import annotations

from runner.ports import Cloud


def open_cloud(region: str = "") -> Cloud:
    """EC2 in a region; "": as the SDK finds it. Asks nothing of AWS yet. Raises CloudError."""
    # The SDK takes a third of a second to import, and few commands need it.
    from runner.clouds.ec2 import Ec2Cloud, Settings  # noqa: PLC0415

    return Ec2Cloud.open(Settings(region=region))
