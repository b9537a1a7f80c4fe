"""What a forge takes: checked before it is asked, so that a mistake of ours is found on a laptop too."""

from __future__ import annotations

from runner.errors import ForgeError
from runner.ports import Status

STATES = ("success", "failure", "error", "pending")
LONGEST_CONTEXT = 255
LONGEST_DESCRIPTION = 140
LONGEST_COMMENT = 65_536
"""Characters."""


def check_status(status: Status) -> None:
    """Raises ForgeError."""
    if status.state not in STATES:
        raise ForgeError(f"a status is one of {', '.join(STATES)}, not {status.state!r}")
    if not 0 < len(status.context) <= LONGEST_CONTEXT:
        raise ForgeError(
            f"a status' context has 1 to {LONGEST_CONTEXT} characters, not {len(status.context)}"
        )
    if len(status.description) > LONGEST_DESCRIPTION:
        raise ForgeError(
            f"the description of {status.context} has {len(status.description)} characters, "
            f"and {LONGEST_DESCRIPTION} are allowed"
        )


def check_comment(body: str) -> None:
    """Raises ForgeError."""
    if not body.strip():
        raise ForgeError("a comment needs a text")
    if len(body) > LONGEST_COMMENT:
        raise ForgeError(f"a comment has at most {LONGEST_COMMENT} characters, not {len(body)}")


def marker(body: str) -> str:
    """The hidden first line by which we know a comment again; "" where it has none."""
    first = body.partition("\n")[0].strip()
    return first if first.startswith("<!--") and first.endswith("-->") else ""
