"""Which jobs the `on_failure` of `defaults` does not reach: the handler itself and its ancestors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def spared(jobs: Iterable[Mapping[str, Any]], handler: str | None) -> frozenset[str]:
    """Ids of the handler and of all that it waits for; those jobs name a handler only by themselves."""
    if handler is None:
        return frozenset()
    depends = {job.get("job_id"): job.get("depends_on", ()) for job in jobs}
    found, waiting = {handler}, [handler]
    while waiting:
        for dependency in depends.get(waiting.pop(), ()):
            if dependency not in found:
                found.add(dependency)
                waiting.append(dependency)
    return frozenset(found)
