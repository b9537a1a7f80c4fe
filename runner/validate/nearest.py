"""The known name that was probably meant, found fast among very many."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST = 400
"""So many candidates are compared at most: each costs some microseconds, and a file may name 10,000 jobs."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean …?`, or "" where nothing is near."""
    near = nearest(name, known)
    return f"did you mean `{near}`?" if near else ""


def nearest(name: str, known: Iterable[str]) -> str:
    lower = name[:80].lower()
    likely = []
    for candidate in known:
        if abs(len(candidate) - len(lower)) < 4 and _alike(candidate.lower(), lower):
            likely.append(candidate)
            if len(likely) >= _MOST:
                break
    by_lower = {candidate.lower(): candidate for candidate in reversed(likely)}
    found = difflib.get_close_matches(lower, by_lower, n=4, cutoff=0.7)
    # Letters that changed places go before a letter that is another one.
    found.sort(key=lambda candidate: sorted(candidate) != sorted(lower))
    return by_lower[found[0]] if found else ""


def _alike(one: str, other: str) -> bool:
    return one[:2] == other[:2] or one[-3:] == other[-3:] or sorted(one) == sorted(other)
