"""The comment of a run that was not started: in the place of its live comment, until one is."""

from __future__ import annotations

from collections.abc import Sequence

from runner import layouts
from runner.report import markers
from runner.report.escaping import code
from runner.report.markers import Marker


def refused_comment(queue_id: str, sentence: str, lines: Sequence[str] = ()) -> str:
    """`sentence` may quote anything, `lines` are Markdown in which whatever is foreign is code already."""
    return layouts.render(
        "refused",
        {
            "marker": markers.line(refused_marker(queue_id)),
            "queue": code(queue_id),
            "sentence": code(sentence, limit=500),
            "lines": list(lines),
        },
    )


def refused_marker(queue_id: str) -> Marker:
    """Older than any run's, so that it never takes the place of one."""
    return Marker(kind="live", subject=queue_id, generation=0)
