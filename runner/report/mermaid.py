"""The graph of a queue as a Mermaid flowchart, as GitHub draws it.

Nodes are `n0`, `n1`… in the order of the file; every character of a label that could mean something to
Mermaid is written as its code. A dotted edge leads to a failure handler.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runner.model import Job, Queue

CHART_BELOW = 25
"""Nodes from which on a chart is too small to read in a comment."""
_MEANINGFUL = re.compile(r"[^A-Za-z0-9 ._-]")
_LABEL = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What stands below a job's name, and which of STYLES it is drawn in."""

    words: str
    style: str


STYLES = {
    # Borders differ too, for whoever sees no colours; the words are in the node anyway.
    "good": "fill:#dafbe1,stroke:#1a7f37,color:#1f2328",
    "bad": "fill:#ffebe9,stroke:#cf222e,color:#1f2328,stroke-width:4px",
    "busy": "fill:#ddf4ff,stroke:#0969da,color:#1f2328,stroke-width:3px",
    "open": "fill:#ffffff,stroke:#59636e,color:#1f2328",
    "off": "fill:#f6f8fa,stroke:#59636e,color:#59636e,stroke-dasharray:4 3",
}


def flowchart(queue: Queue, marks: Mapping[str, Mark] | None = None) -> str:
    """The whole chart, with a newline at the end. `marks` by job id."""
    return "\n".join(_lines(queue, marks or {})) + "\n"


def _lines(queue: Queue, marks: Mapping[str, Mark]) -> Iterator[str]:
    node = {job.job_id: f"n{i}" for i, job in enumerate(queue.jobs)}
    handlers = {job.on_failure for job in queue.jobs}
    yield "flowchart TD"
    for job in queue.jobs:
        mark = marks.get(job.job_id)
        shape = _shape(job, mark, handles=job.job_id in handlers)
        yield f"  {node[job.job_id]}{shape}" + (f":::{mark.style}" if mark else "")
    for job in queue.jobs:
        for parent in job.depends_on:
            yield f"  {node[parent]} --> {node[job.job_id]}"
        if job.on_failure is not None:
            yield f"  {node[job.job_id]} -. on failure .-> {node[job.on_failure]}"
    for style in sorted({mark.style for mark in marks.values()}):
        yield f"  classDef {style} {STYLES[style]}"


def _shape(job: Job, mark: Mark | None, *, handles: bool) -> str:
    """Round ends for what runs whatever happens, a hexagon for a handler, a box for the rest."""
    words = f"<br/>{escape(mark.words)}" if mark else ""
    label = f'"{escape(job.job_id) or " "}{words}"'  # Mermaid takes no empty label
    if handles:
        return "{{" + label + "}}"
    return f"([{label}])" if job.always_run else f"[{label}]"


def escape(text: str) -> str:
    """A label for the inside of double quotes."""
    short = text if len(text) <= _LABEL else text[: _LABEL - 1] + "…"
    return _MEANINGFUL.sub(lambda match: f"#{ord(match.group())};", short)
