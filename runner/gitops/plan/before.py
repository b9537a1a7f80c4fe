"""What queue files said at another commit, as they would have been reviewed there."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from runner import config as configuration
from runner import document
from runner import plan as plans
from runner.errors import RunnerError
from runner.gitops.plan.artifact import is_clean
from runner.gitops.plan.reviewing import Place, prepared_at
from runner.gitops.repository import history
from runner.model import Git, Queue
from runner.prepare.layers import FOLDER

_MOST = 50
"""Of more files than these the changes are not shown: the comment has no room for them."""


def queues_at(checkout: Path, a: str, sources: Sequence[str]) -> dict[str, Queue | None]:
    """By source; None for one that did not exist at commit `a`, or was not in order.

    Those that were not looked at are left out: all of them where git cannot say.
    """
    wanted = sources[:_MOST]
    with tempfile.TemporaryDirectory(prefix="runner-base-") as folder:
        target = Path(folder).resolve()
        try:
            there = _put(checkout, a, frozenset(wanted), target)
        except RunnerError:
            return {}
        config, _ = configuration.read(target)
        place = Place(checkout=target, git=Git(sha=a), now="1970-01-01T00:00:00Z", config=config)
        return {source: _queue(source, place) if source in there else None for source in wanted}


def _put(checkout: Path, a: str, wanted: frozenset[str], target: Path) -> set[str]:
    """These files, and what else makes a queue what it is, below `target`; the paths of all of them."""
    entries = [
        entry
        for entry in history.listed(checkout, a)
        if entry.path in wanted
        or entry.path == configuration.PLACE
        or (entry.path.startswith(f"{FOLDER}/") and is_clean(entry.path))
    ]
    there = set()
    for entry, raw in history.contents(checkout, entries, limit=document.MAX_BYTES):
        place = target / entry.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(raw)
        there.add(entry.path)
    return there


def _queue(source: str, place: Place) -> Queue | None:
    try:
        prepared = prepared_at(source, place)
        if prepared.queue is None:
            return None
        made, _ = plans.symbolic(
            prepared.queue, source=source, volatile=prepared.volatile, tree=prepared.tree
        )
    except RunnerError:
        return None
    return made.queue
