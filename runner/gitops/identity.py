"""The identity of a run that a merge starts: the same merge is the same run, on whatever machine."""

from __future__ import annotations

import hashlib
import json
import string
import time

_TAIL = string.ascii_lowercase + string.digits
_LENGTH = 6
_LATEST = 253_402_300_799.0
"""The end of the year 9999: whoever commits says when."""


def run_id(queue_id: str, *, repository: str, commit: str, path: str, at: float, salt: str = "") -> str:
    """`QUEUE_ID-YYYYMMDDTHHMMSS-xxxxxx`, UTC. `at`: when it was committed, in seconds since the epoch.

    The tail comes from `repository`, `commit` and `path`; with a `salt`, a run by hand or by the clock is
    another one than that of the merge.
    """
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(min(max(at, 0.0), _LATEST)))
    # JSON, so that no two different triples read the same, and names that are not UTF-8 can be said too.
    said = json.dumps([repository.casefold(), commit, path, *([salt] if salt else [])])
    return f"{queue_id}-{stamp}-{_tail(hashlib.sha256(said.encode('ascii')).digest())}"


def _tail(digest: bytes) -> str:
    number = int.from_bytes(digest[:16], "big")
    letters = []
    for _ in range(_LENGTH):
        number, rest = divmod(number, len(_TAIL))
        letters.append(_TAIL[rest])
    return "".join(letters)
