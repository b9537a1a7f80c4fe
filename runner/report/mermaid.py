"""The graph of a queue as a Mermaid flowchart, as GitHub draws it.

Nodes are `n0`, `n1`… in the order of the file; every character of a label that could mean something to
Mermaid is written as its code. A dotted edge leads to a failure handler.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.model import Job, Queue

_MEANINGFUL = re.compile(r"[^A-Za-z0-9 ._-]")
_LABEL = 80


def flowchart(queue: Queue) -> str:
    """The whole chart, with a newline at the end."""
    return "\n".join(_lines(queue)) + "\n"


def _lines(queue: Queue) -> Iterator[str]:
    node = {job.job_id: f"n{i}" for i, job in enumerate(queue.jobs)}
    handlers = {job.on_failure for job in queue.jobs}
    yield "flowchart TD"
    for job in queue.jobs:
        yield f"  {node[job.job_id]}{_shape(job, handles=job.job_id in handlers)}"
    for job in queue.jobs:
        for parent in job.depends_on:
            yield f"  {node[parent]} --> {node[job.job_id]}"
        if job.on_failure is not None:
            yield f"  {node[job.job_id]} -. on failure .-> {node[job.on_failure]}"


def _shape(job: Job, *, handles: bool) -> str:
    """Round ends for what runs whatever happens, a hexagon for a handler, a box for the rest."""
    label = f'"{escape(job.job_id)}"'
    if handles:
        return "{{" + label + "}}"
    return f"([{label}])" if job.always_run else f"[{label}]"


def escape(text: str, limit: int = _LABEL) -> str:
    """A label for the inside of double quotes."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return _MEANINGFUL.sub(lambda match: f"#{ord(match.group())};", short)
