"""What this machine is, by its own metadata service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runner.agent.metadata import Metadata
from runner.errors import CloudError

_DOCUMENT = "dynamic/instance-identity/document"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """`since`: when it was launched, in seconds since the epoch by the cloud's clock. "" and 0: not known."""

    instance_id: str
    type: str = ""
    region: str = ""
    zone: str = ""
    image: str = ""
    spot: bool = False
    since: float = 0.0


def about(metadata: Metadata) -> About:
    """Raises CloudBusyError where the same call may succeed later, CloudError where it will not."""
    instance_id = metadata.get("instance-id")
    if not instance_id:
        raise CloudError("this machine does not know its instance-id", hint="run this on a machine of EC2")
    document = _document(metadata.get(_DOCUMENT, of="") or "")
    return About(
        instance_id=instance_id,
        type=_text(document, "instanceType") or metadata.get("instance-type") or "",
        region=_text(document, "region"),
        zone=_text(document, "availabilityZone"),
        image=_text(document, "imageId"),
        spot=metadata.get("instance-life-cycle") == "spot",
        since=_moment(_text(document, "pendingTime")),
    )


def _document(raw: str) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(document: dict[str, Any], key: str) -> str:
    found = document.get(key)
    return found if isinstance(found, str) else ""


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
