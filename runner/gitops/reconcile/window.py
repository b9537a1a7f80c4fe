"""Which part of the default branch a pass looks at: what came since the cursor, and the newest commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.gitops.reconcile.cursor import Cursor
from runner.gitops.repository import history
from runner.gitops.repository.git import ask, commit, text

LOOK_BACK = 20
"""Commits at the end of the branch whose runs are looked at in every pass …"""
_RECENT = 7 * 86_400.0
"""… if they are not older than this, in seconds."""
MOST_COMMITS = 500
"""Since the cursor, in one pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """`commits` after `start` with the files that they changed, oldest first; `later`: how many more.

    `start` is "" where nothing is known of an earlier pass, `why` says so: then nothing is launched.
    `behind`: a newer pass than this one has been there. `recent` are the newest commits of the branch.
    """

    head: str
    start: str = ""
    why: str = ""
    behind: bool = False
    commits: Sequence[tuple[str, frozenset[str]]] = ()
    later: int = 0
    recent: tuple[str, ...] = ()


def window(checkout: Path, head: str, cursor: Cursor | None, now: float) -> Window:
    """Raises RunnerError where git cannot answer."""
    recent = tuple(a for a, at in _newest(checkout, head) if now - at <= _RECENT)
    if cursor is None:
        return Window(head=head, why="no earlier pass left how far it came", recent=recent)
    if not history.exists(checkout, cursor.commit):
        return Window(head=head, why=f"{cursor.commit[:12]} is gone from the history", recent=recent)
    if cursor.commit != head and history.is_ancestor(checkout, head, cursor.commit):
        return Window(head=head, start=cursor.commit, behind=True, recent=recent)
    if not history.is_ancestor(checkout, cursor.commit, head):
        return Window(
            head=head, why=f"{cursor.commit[:12]} is not on the branch any more (a force push)", recent=recent
        )
    found = history.touching(checkout, cursor.commit, head)
    return Window(
        head=head,
        start=cursor.commit,
        commits=found[:MOST_COMMITS],
        later=len(found[MOST_COMMITS:]),
        recent=recent,
    )


def _newest(checkout: Path, head: str) -> list[tuple[str, float]]:
    words = ("rev-list", "--first-parent", f"--max-count={LOOK_BACK}", "--timestamp", commit(head), "--")
    lines = text(ask(checkout, *words).output).splitlines()
    return [(a, float(at)) for at, a in (line.split() for line in lines)]
