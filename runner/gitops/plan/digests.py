"""What a review shows and a merge compares: one digest for all queues of a pull request.

It stands at the end of the description of the status `runner/plan` on the head of the pull request.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence

from runner.model import Plan
from runner.ports import Status

CONTEXT = "runner/plan"
LONGEST = 140
"""Characters that GitHub keeps of a description."""
_AT_THE_END = re.compile(r" · (sha256:[0-9a-f]{64})", re.ASCII)


def combined(pairs: Sequence[tuple[str, str]]) -> str:
    """The digest of these (source, digest): of one itself, of several a hash of them all; "" of none."""
    if len(pairs) <= 1:
        return pairs[0][1] if pairs else ""
    canonical = json.dumps(sorted(map(list, pairs)), separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode("ascii")).hexdigest()


def agreed(plans: Iterable[Plan]) -> str:
    """What is agreed to by merging a request with these plans: all of them, however each is started."""
    return combined([(plan.source, plan.digest) for plan in plans])


def description(words: str, digest: str) -> str:
    """`1 queue, 12 jobs · sha256:…`, cut in the words if need be: never in the digest."""
    tail = f" · {digest}" if digest else ""
    room = LONGEST - len(tail)
    return (words if len(words) <= room else words[: room - 1] + "…") + tail


def digest_in(description: str) -> str | None:
    """The digest at the end of a description that `description` made."""
    cut = description.rfind(" · ")
    match = _AT_THE_END.fullmatch(description[cut:]) if cut >= 0 else None
    return match[1] if match is not None else None


def newest(statuses: Iterable[Status], login: str) -> Status | None:
    """Our own newest `runner/plan` among statuses that stand newest first."""
    return next((s for s in statuses if s.context == CONTEXT and login and _same(s.author, login)), None)


def reviewed(statuses: Iterable[Status], login: str) -> str | None:
    """The digest that was reviewed: None where our newest `runner/plan` does not say success and a digest."""
    found = newest(statuses, login)
    return digest_in(found.description) if found is not None and found.state == "success" else None


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
