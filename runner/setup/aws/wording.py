"""What could not be looked at, said the same way everywhere. Pure."""

from __future__ import annotations

from runner.clouds.account.facts import Unseen
from runner.setup.findings import Finding, note

TEMPLATE = "docs/aws.md of runner has the template that makes it so"


def unchecked(what: str, found: Unseen) -> Finding:
    """`what`: a noun, such as `the bucket`."""
    return note(
        f"not checked: {what}: {found.why}",
        "ask again as somebody who may look, or see docs/aws.md of runner",
    )
