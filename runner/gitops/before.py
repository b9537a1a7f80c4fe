"""What queue files said at another commit, as they would have been reviewed there."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from runner import checkout as checkouts
from runner import config as configuration
from runner import plan as plans
from runner.errors import RunnerError
from runner.gitops.reviewing import Place, prepared_at
from runner.model import Git, Queue

_WITH_THEM = ("templates", ".github/runner.yaml")
"""What else makes a queue what it is; taken from the same commit."""
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
            there = checkouts.extract(checkout, a, [*wanted, *_WITH_THEM], target)
        except RunnerError:
            return {}
        config, _ = configuration.read(target)
        place = Place(checkout=target, git=Git(sha=a), now="1970-01-01T00:00:00Z", config=config)
        return {source: _queue(source, place) if source in there else None for source in wanted}


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
