"""What a pass of reconciliation says in the summary of its job."""

from __future__ import annotations

from collections.abc import Sequence

from runner.gitops.merge import telling
from runner.gitops.merge.sorting import Sorted
from runner.gitops.run.performing import Performed
from runner.report.escaping import code

_MOST = 200


def reconciled(said: Sequence[str], performed: Sequence[Performed], now: float) -> str:
    """`said` are sentences that may quote anything."""
    lines = [f"- {code(sentence, limit=400)}" for sentence in said[:_MOST]]
    if len(said) > _MOST:
        lines.append(f"- and {len(said) - _MOST} more, in the log")
    what = "\n".join(lines) if lines else "Everything was up to date." if not performed else ""
    head = f"### Reconciled\n\n{what}\n"
    return f"{head}\n{telling.merged(performed, Sorted(), now)}" if performed else head
