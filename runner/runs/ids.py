"""A run's id: `QUEUE_ID-YYYYMMDDTHHMMSS-xxxxxx`, the time in UTC. It sorts by time within a queue."""

from __future__ import annotations

import re
import secrets
import string
import time

LETTERS = string.ascii_lowercase + string.digits
TAIL = 6
"""Letters at the end, by which runs of one second differ."""
_FORM = re.compile(rf"([A-Za-z0-9][\w.-]{{0,200}})-(\d{{8}}T\d{{6}})-[a-z0-9]{{{TAIL}}}", re.ASCII)


def written(queue_id: str, at: float, tail: str) -> str:
    """`at` in seconds since the epoch."""
    return f"{queue_id}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime(at))}-{tail}"


def new_run_id(queue_id: str, now: float) -> str:
    """With a random tail."""
    return written(queue_id, now, "".join(secrets.choice(LETTERS) for _ in range(TAIL)))


def is_run_id(text: str) -> bool:
    """Whether it has the form of a whole one."""
    return _FORM.fullmatch(text) is not None


def parts(run_id: str) -> tuple[str, str]:
    """The id of its queue, and when it was made, as it says so; "" for both of what is no run's id."""
    match = _FORM.fullmatch(run_id)
    return (match[1], match[2]) if match is not None else ("", "")
