"""The identity of a run that a merge starts: the same merge is the same run, on whatever machine."""

from __future__ import annotations

import hashlib
import json

from runner.runs.ids import LETTERS, TAIL, written

_LATEST = 253_402_300_799.0
"""The end of the year 9999: whoever commits says when."""


def run_id(queue_id: str, *, repository: str, commit: str, path: str, at: float, salt: str = "") -> str:
    """`at`: when it was committed, in seconds since the epoch.

    The tail comes from `repository`, `commit` and `path`; with a `salt`, a run by hand or by the clock is
    another one than that of the merge.
    """
    # JSON, so that no two different triples read the same, and names that are not UTF-8 can be said too.
    said = json.dumps([repository.casefold(), commit, path, *([salt] if salt else [])])
    tail = _tail(hashlib.sha256(said.encode("ascii")).digest())
    return written(queue_id, min(max(at, 0.0), _LATEST), tail)


def _tail(digest: bytes) -> str:
    number = int.from_bytes(digest[:16], "big")
    letters = []
    for _ in range(TAIL):
        number, rest = divmod(number, len(LETTERS))
        letters.append(LETTERS[rest])
    return "".join(letters)
