"""What EC2 tells of an instance, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.ports import Instance

_CAUSES: dict[str, tuple[str, str]] = {
    "Server.SpotInstanceTermination": ("spot", "AWS took the spot machine back"),
    "Server.SpotInstanceShutdown": ("spot", "AWS took the spot machine back"),
    "Server.InsufficientInstanceCapacity": ("capacity", "AWS had no such machine free after all"),
    "Client.VolumeLimitExceeded": ("capacity", "the account's quota for disks is used up"),
    "Client.InstanceInitiatedShutdown": ("shutdown", "the machine shut itself down"),
    "Client.InstanceTerminated": ("terminated", "somebody ended the machine"),
    "Client.UserInitiatedShutdown": ("terminated", "somebody ended the machine"),
    "Server.ScheduledStop": ("trouble", "AWS stopped the machine for maintenance"),
    "Server.InternalError": ("trouble", "AWS had trouble of its own when it started the machine"),
    "Client.InternalError": (
        "trouble",
        "the machine's encrypted disk could not be used: its role needs the key's permission",
    ),
    "Client.InvalidSnapshot.NotFound": ("trouble", "the image's snapshot is gone"),
}
"""Codes of `StateReason`: cause and sentence."""


def instance(said: Mapping[str, Any]) -> Instance:
    """One entry of `DescribeInstances` or `RunInstances`."""
    ended, reason = _cause(said)
    return Instance(
        id=said["InstanceId"],
        state=said.get("State", {}).get("Name", ""),
        type=said.get("InstanceType", ""),
        spot=said.get("InstanceLifecycle") == "spot",
        zone=said.get("Placement", {}).get("AvailabilityZone", ""),
        launched=said["LaunchTime"].timestamp() if "LaunchTime" in said else 0.0,
        tags={tag["Key"]: tag["Value"] for tag in said.get("Tags", [])},
        ended=ended,
        reason=reason,
    )


def _cause(said: Mapping[str, Any]) -> tuple[str, str]:
    if said.get("State", {}).get("Name") in {"pending", "running"}:
        return "", ""
    reason = said.get("StateReason", {})
    code = reason.get("Code", "")
    message = str(reason.get("Message", "")).strip()
    return _CAUSES.get(code, ("trouble" if code.startswith("Server.") else "", message))
