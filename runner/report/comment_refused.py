"""The comment of a run that was not started: in the place of its live comment, until one is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner import layouts
from runner.report import markers
from runner.report.escaping import code, fence
from runner.report.markers import Marker

_SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two plans that differ: `shown` of the pull request's `head`, `now` of the merged `commit`.

    Both are digests, "" where there is no plan.
    """

    shown: str
    head: str
    now: str
    commit: str


def compared_lines(compared: Compared) -> tuple[str, ...]:
    """What was shown, what there is now, and how it comes that they differ; in Markdown."""
    head, commit = code(compared.head[:_SHORT]), code(compared.commit[:_SHORT])
    now = f"plan {code(compared.now)}" if compared.now else "no plan"
    merged = f"Merged: {now} of commit {commit}"
    if not compared.shown:
        why = "it was merged before its plan was shown, or the last plan had errors"
        return f"Shown in the pull request: no plan of commit {head}", merged, f"Usual causes: {why}"
    why = (
        "a commit that came after the last plan, "
        "or another merge that changed a template or `.github/runner.yaml`"
    )
    shown = f"Shown in the pull request: plan {code(compared.shown)} of commit {head}"
    return shown, merged, f"Usual causes: {why}"


def refused_comment(queue_id: str, sentence: str, lines: Sequence[str] = (), command: str = "") -> str:
    """`sentence` may quote anything, `lines` are Markdown in which whatever is foreign is code already.

    `command` is what starts it all the same, alone in a block of its own, to be copied.
    """
    return layouts.render(
        "refused",
        {
            "marker": markers.line(refused_marker(queue_id)),
            "queue": code(queue_id),
            "sentence": code(sentence, limit=500),
            "lines": list(lines),
            "command": fence(command) if command else "",
        },
    )


def refused_marker(queue_id: str) -> Marker:
    """Older than any run's, so that it never takes the place of one."""
    return Marker(kind="live", subject=queue_id, generation=0)
