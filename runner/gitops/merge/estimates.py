"""How long a queue took the last time it ran: for the time that is left, and the estimate beside the result.

Whatever is in the way, there is no estimate then: a run waits for none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.errors import RunnerError
from runner.gitops.artifacts import kept
from runner.gitops.artifacts.unzipping import member, names
from runner.gitops.repository import history
from runner.gitops.run.performing import Stage
from runner.model import Outcome

_COMMITS = 3
"""Earlier commits of the queue file that are asked for."""
_LARGEST = 32 * 1024 * 1024
"""Bytes of an artifact: one that is larger is not fetched for an estimate."""
_REPORT = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Seconds: of the whole run, None where that did not succeed, and of each job that did."""

    total: float | None = None
    jobs: Mapping[str, float] = field(default_factory=dict)


def estimate(queue_id: str, source: str, commit: str, stage: Stage) -> Estimate:
    """From the newest run of an earlier version of this file that was kept."""
    try:
        commits = history.touched(stage.context.checkout, commit, source, most=_COMMITS + 1)
        for earlier in [one for one in commits if one != commit][:_COMMITS]:
            found = _report(queue_id, earlier, stage)
            if found is not None:
                return _estimate(found)
    except RunnerError:
        return Estimate()
    return Estimate()


def _report(queue_id: str, commit: str, stage: Stage) -> Any:
    """Of the newest run of this queue at this commit, None where it left none."""
    shown = kept.shown_on(stage.forge, stage.context, [commit])
    number = next((one.workflow_run for one in shown if one.queue_id == queue_id), 0)
    if not number or number == stage.context.run_id:
        return None
    run = stage.forge.workflow_run(number)
    if not run.conclusion or not kept.is_trusted(run, stage.forge.repository()):
        return None
    usable = [a for a in stage.forge.artifacts(run_id=number, name=kept.ARTIFACT) if not a.expired]
    if not usable or usable[0].size > _LARGEST:
        return None
    raw = stage.forge.download(usable[0], limit=_LARGEST)
    of_it = re.compile(rf"{re.escape(queue_id)}-\d{{8}}T\d{{6}}-[a-z0-9]{{6}}/report\.json", re.ASCII)
    reports = sorted(name for name in names(raw) if of_it.fullmatch(name))
    return json.loads(member(raw, reports[-1], _REPORT)) if reports else None


def _estimate(report: Any) -> Estimate:
    try:
        succeeded = [job for job in report["jobs"] if job["outcome"] == Outcome.SUCCEEDED and job["attempts"]]
        jobs = {str(job["job_id"]): float(job["attempts"][-1]["seconds"]) for job in succeeded}
        total = float(report["seconds"]) if report["outcome"] == Outcome.SUCCEEDED else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return Estimate()
    return Estimate(total=total, jobs=jobs)
