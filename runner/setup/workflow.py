"""What a workflow file of ours calls, and with which rights. Pure."""

from __future__ import annotations

import re

USES = re.compile(r"^\s*uses:\s*['\"]?(?P<what>[^\s'\"#]+)@(?P<ref>[^\s'\"#]+)", re.MULTILINE)
_IDENTITY = re.compile(
    r"^\s+['\"]?id-token['\"]?:\s*['\"]?write\b|^\s*permissions:\s*write-all\b", re.MULTILINE
)


def called(text: str) -> str:
    """The workflow that it calls, as tokens of its jobs say (`job_workflow_ref`); "" where it calls none."""
    found = USES.search(text)
    return f"{found['what']}@{found['ref']}" if found else ""


def may_identify(text: str) -> bool:
    """Whether its jobs may ask for identity tokens."""
    return _IDENTITY.search(text) is not None
